"""One tenant's change in a process of its own, which kills itself at a given line of all that it runs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.sync.delete import delete_group
from airflow_provider_explo.sync.refresh_token import refresh_token

WORK: dict[str, Callable[..., Any]] = {"delete": delete_group, "refresh": refresh_token}
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload([__name__])


def new_client(url: str, token: str, **settings: Any) -> ExploClient:
    """A client that never waits."""
    merged: dict[str, Any] = {"requests_per_minute": 60_000, "retry_timeout": 10, **settings}
    known = ClientSettings(base_url=url, token=token, **merged)
    retry = RetryPolicy(uniform=lambda low, high: low)
    return ExploClient(known, rate_limiter=RateLimiter(known.requests_per_minute), retry=retry)


def new_tokens(path: str, **arguments: Any) -> TokenTable:
    return TokenTable(sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 60}), **arguments)


def run(name: str, url: str, token: str, path: str, *, kill_at: int | None = None) -> tuple[int, int]:
    """Change the tenant ``acme`` in a process of its own.

    :param kill_at: the line at which it kills itself, counted from 1; None: it does not.
    :returns: its exit code, and how many lines it ran.
    """
    lines = FORK.Value("q", 0)
    process = FORK.Process(target=_run, args=(name, url, token, path, kill_at, lines))
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode, lines.value


def _run(name: str, url: str, token: str, path: str, kill_at: int | None, lines: Any) -> None:
    client, tokens = new_client(url, token), new_tokens(path)
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        WORK[name](client, tokens, "acme")
    finally:
        sys.settrace(None)
        lines.value = count
