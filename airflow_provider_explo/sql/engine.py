"""SQL databases behind Airflow connections: engines, names of tables, and errors that hold no value of a row."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, ExploError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
T = TypeVar("T")


def engine_of(conn_id: str) -> Engine:
    """The engine of an Airflow connection, any that has a ``DbApiHook`` and an SQLAlchemy dialect.

    PostgreSQL's JSON comes from it as text: what the driver makes of JSON loses digits.

    :raises ExploConfigError: the connection is not one of an SQL database.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    try:
        hook = BaseHook.get_hook(conn_id)
    except AirflowNotFoundException:
        raise ExploConfigError(f"connection {conn_id!r}: not found; create it, of an SQL database's type") from None
    if not isinstance(hook, DbApiHook):
        raise ExploConfigError(f"connection {conn_id!r}: expected one of an SQL database")
    # A connection that broke while nobody used it is noticed, and made anew.
    options = {"pool_pre_ping": True, "hide_parameters": True}
    engine = hook.get_sqlalchemy_engine(options)
    more = _MORE_OPTIONS.get(engine.dialect.name)
    return hook.get_sqlalchemy_engine({**options, **more}) if more else engine


@contextmanager
def engines_of(*conn_ids: str) -> Iterator[list[Engine]]:
    """The engines of connections, one for those that are the same; closed in the end."""
    engines = {conn_id: engine_of(conn_id) for conn_id in dict.fromkeys(conn_ids)}
    try:
        yield [engines[conn_id] for conn_id in conn_ids]
    finally:
        for engine in engines.values():
            engine.dispose()


def table_name(name: str, *, of: str) -> tuple[str | None, str]:
    """Schema (or None) and table from a name such as ``explo_user_groups`` or ``product.explo_user_groups``.

    :param of: what the table is, for the message.
    :raises ExploConfigError: it is no plain identifier.
    """
    *schema, table = name.split(".")
    if len(schema) > 1 or not all(IDENTIFIER.fullmatch(part) for part in (*schema, table)):
        raise ExploConfigError(f"{of}: expected a name such as explo_user_groups, found {name!r}")
    return (schema[0] if schema else None), table


def attempt(doing: str, work: Callable[[], T]) -> T:
    """Do something in a database; what goes wrong is told without the statement and the values in it.

    :param doing: what is being done, for the message: ``the token table t: saving tokens``.
    :raises ExploError: the database is away, or busy for too long; trying again may help.
    :raises ExploConfigError: it refuses this.
    """
    try:
        return work()
    except sa.exc.SQLAlchemyError as caught:
        error = told(caught, doing)
    # Outside of the except block, so that the driver's error, which may show a row, is not carried along.
    raise error


def _as_text(json: str | bytes) -> str:
    return json.decode() if isinstance(json, bytes) else json


_SQLITE_PASSES = ("locked", "busy", "disk I/O", "unable to open", "is full")
_MORE_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"json_deserializer": _as_text},
    # Its writers wait for one another; the driver's own 5 seconds are few for several tasks.
    "sqlite": {"connect_args": {"timeout": 60}},
}


def told(error: sa.exc.SQLAlchemyError, doing: str) -> ExploError:
    # The first line only: PostgreSQL shows the failing row, and in it the token, on the second.
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    what = f"{doing}: {lines[0] if lines else type(error).__name__}"
    passing = isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError))
    if isinstance(getattr(error, "orig", None), sqlite3.Error):
        # SQLite has one class for a misspelt query and for a database that is busy.
        passing = any(words in what for words in _SQLITE_PASSES)
    if passing or getattr(error, "connection_invalidated", False):
        return ExploError(f"{what}; what was saved before stays saved, and the task may be run again")
    return ExploConfigError(what)
