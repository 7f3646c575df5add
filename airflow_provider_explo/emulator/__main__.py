"""``python -m airflow_provider_explo.emulator``: the emulator until it is told to stop."""

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
    token = options.token or os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    given = token in (options.token, os.environ.get(TOKEN_VARIABLE))
    if not _is_loopback(options.host):
        print(f"Warning: {options.host} may be reached from other machines; this is no safe place", file=sys.stderr)
    try:
        read_only = [ApiToken(options.read_only_token, read_only=True)] if options.read_only_token else []
        with ExploEmulator(
            host=options.host,
            port=options.port,
            token=token,
            tokens=read_only,
            database=options.database,
            requests_per_minute=options.requests_per_minute,
        ) as explo:
            print(f"Explo emulator on {explo.url}", flush=True)
            if not given:
                print(f"API token, made up for this run (--token sets one): {token}", flush=True)
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
    parser.add_argument("--token", help=f"read-write API token (or the variable {TOKEN_VARIABLE}; default: made up)")
    parser.add_argument("--read-only-token", metavar="TOKEN", help="a second API token, which may only read")
    parser.add_argument("--database", metavar="FILE", help="SQLite file to keep the groups in (default: memory)")
    parser.add_argument(
        "--requests-per-minute", metavar="N", type=int, help="rate limit per IP; Explo documents 180 (default: none)"
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="info logs a line for each request (default: %(default)s)",
    )
    return parser


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
