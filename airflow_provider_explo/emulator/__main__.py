"""``python -m airflow_provider_explo.emulator``: the emulator until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import secrets
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence

TOKEN_VARIABLE = "EXPLO_EMULATOR_TOKEN"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        from airflow_provider_explo.emulator import ApiToken, ExploEmulator
    except ImportError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    token = options.token or os.environ.get(TOKEN_VARIABLE) or secrets.token_hex(32)
    generated = token not in (options.token, os.environ.get(TOKEN_VARIABLE))
    if not _is_loopback(options.host):
        print(
            f"Warning: {options.host} may be reached from other machines; the emulator is not made for that",
            file=sys.stderr,
        )
    try:
        read_only = [ApiToken(options.read_only_token, read_only=True)] if options.read_only_token else []
        with ExploEmulator(
            host=options.host,
            port=options.port,
            token=token,
            tokens=read_only,
            database=options.database,
            requests_per_minute=options.requests_per_minute,
            hierarchy_levels=options.hierarchy_levels.split(","),
            data_sources=options.data_source,
            max_page_size=options.max_page_size,
            gone=dict(map(_endpoint, options.gone)),
        ) as explo:
            print(f"Explo emulator on {explo.url}", flush=True)
            if generated:
                print(f"API token, generated for this run (--token sets one): {token}", flush=True)
            stopped.wait()
    except (OSError, ValueError, sqlite3.Error) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_explo.emulator",
        description="A local stand-in for Explo's HTTP API. Open its address in a browser to see what it holds.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--token", help=f"read-write API token (or the variable {TOKEN_VARIABLE}; default: generated)")
    parser.add_argument("--read-only-token", metavar="TOKEN", help="a second API token, which may only read")
    parser.add_argument("--database", metavar="FILE", help="SQLite file to keep the groups in (default: memory)")
    parser.add_argument(
        "--requests-per-minute", metavar="N", type=int, help="rate limit per IP; Explo documents 180 (default: none)"
    )
    parser.add_argument(
        "--hierarchy-levels", metavar="A,B", default="Customer,User", help="levels, root first (default: %(default)s)"
    )
    parser.add_argument(
        "--data-source", metavar="ID", action="append", help="a data source that mappings may lead to (default: any)"
    )
    parser.add_argument("--max-page-size", metavar="N", type=int, default=1000, help="cap of the list's pages")
    parser.add_argument(
        "--gone",
        metavar="ENDPOINT[=STATUS]",
        action="append",
        default=[],
        help="a retired endpoint, such as create_user_group or /embed/=410 (default: 404; 302: redirect to Omni)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="info logs a line for each request (default: %(default)s)",
    )
    return parser


def _endpoint(option: str) -> tuple[str, int]:
    endpoint, _, status = option.partition("=")
    return endpoint, int(status or 404)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
