"""SQL databases behind Airflow connections: engines, and errors that hold no value of a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider_explo.connections import get_hook
from airflow_provider_explo.exceptions import ExploConfigError, ExploError, message

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

T = TypeVar("T")


def engine_of(conn_id: str) -> Engine:
    """The engine of an Airflow connection, any that has a ``DbApiHook`` and an SQLAlchemy dialect.

    PostgreSQL's JSON comes from it as text: the driver's own parsing of JSON loses digits.

    :raises ExploError: the connection is missing, or could not be read; a retry may help.
    :raises ExploConfigError: the connection is not one of an SQL database.
    """
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    hook = get_hook(conn_id)
    if not isinstance(hook, DbApiHook):
        raise ExploConfigError(
            message(
                f"connection {conn_id!r} cannot be used",
                found=f"connection type {getattr(hook, 'conn_type', None)!r}",
                expected="the type of an SQL database",
            )
        )
    dialect = sa.engine.make_url(hook.get_uri()).get_backend_name()
    # A connection that broke while idle is noticed, and replaced.
    options = {"pool_pre_ping": True, "hide_parameters": True, **_DIALECT_OPTIONS.get(dialect, {})}
    return hook.get_sqlalchemy_engine(options)


@contextmanager
def engines_of(*conn_ids: str) -> Iterator[list[Engine]]:
    """The engines of connections, one for those that are the same; disposed of in the end."""
    engines = {conn_id: engine_of(conn_id) for conn_id in dict.fromkeys(conn_ids)}
    try:
        yield [engines[conn_id] for conn_id in conn_ids]
    finally:
        for engine in engines.values():
            engine.dispose()


def attempt(operation: str, work: Callable[[], T]) -> T:
    """Do something in a database; an error shows neither the statement nor the values in it.

    :param operation: what is being done, for the message: ``token table t: saving tokens``.
    :raises ExploError: the database is away, or busy for too long; a retry may help.
    :raises ExploConfigError: it refuses this.
    """
    try:
        return work()
    except sa.exc.SQLAlchemyError as database_error:
        error = to_explo_error(database_error, operation)
    # Outside of the except block, so that the driver's error, which may show a row, is not its context.
    raise error


def to_explo_error(error: sa.exc.SQLAlchemyError, operation: str) -> ExploError:
    """This package's error for a database's; see :func:`attempt`."""
    # The first line only: PostgreSQL shows the failing row, and in it the token, on the second.
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    summary = f"{operation}: {lines[0] if lines else type(error).__name__}"
    transient = isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError))
    if isinstance(getattr(error, "orig", None), sqlite3.Error):
        # SQLite has one class for a misspelt query and for a database that is busy.
        transient = any(text in summary for text in _SQLITE_TRANSIENT)
    if transient or getattr(error, "connection_invalidated", False):
        return ExploError(message(summary, fix="rows already saved are kept; it is safe to retry the task"))
    return ExploConfigError(summary)


def _as_text(json: str | bytes) -> str:
    return json.decode() if isinstance(json, bytes) else json


_SQLITE_TRANSIENT = ("locked", "busy", "disk I/O", "unable to open", "is full")
_DIALECT_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"json_deserializer": _as_text},
    # Its writers wait for one another; the driver's own 5 seconds are few for several tasks.
    "sqlite": {"connect_args": {"timeout": 60}},
}
