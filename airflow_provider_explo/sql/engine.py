"""SQL databases behind Airflow connections: DB-API connections as the hook makes them, and engines over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider_explo.connections import SQL_TYPE, get_hook
from airflow_provider_explo.exceptions import ExploConfigError, message
from airflow_provider_explo.sql.drivers import driver_of
from airflow_provider_explo.sql.errors import FIX_OF_TRANSIENT, to_explo_error
from airflow_provider_explo.sql.rights import CONN_ID_OPTION

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from sqlalchemy.engine import Engine

T = TypeVar("T")
_FIX_OF_CONNECTING = f"{FIX_OF_TRANSIENT}; if it stays, check the connection"


class Database:
    """The database of one Airflow connection.

    What the connection says about TLS, schema, role or key is obeyed, since every connection is one that
    ``hook.get_conn()`` makes.

    :param conn_id: an Airflow connection, any that has a ``DbApiHook``.
    :raises ExploError: the connection is missing, or could not be read; a retry may help.
    :raises ExploConfigError: it is not one of an SQL database.
    """

    def __init__(self, conn_id: str) -> None:
        self.conn_id = conn_id
        self.label = f"connection {conn_id!r}"
        self._hook = _hook_of(conn_id)

    def connect(self) -> Any:
        """A new DB-API connection, set up as its driver needs.

        :raises ExploError: the database cannot be reached.
        :raises ExploConfigError: the driver does not take what the Airflow connection says.
        """
        return self._prepared(self._hook.get_conn)

    @cached_property
    def engine(self) -> Engine:
        """An engine over the same connections, for the tables of this package. The database has been reached.

        :raises ExploError: the database cannot be reached.
        :raises ExploConfigError: SQLAlchemy has no dialect for it.
        """
        idle = [self._pooled()]
        dialect = driver_of(idle[0]).dialect or self._dialect()
        try:
            engine = sa.create_engine(
                f"{dialect}://",
                creator=lambda: driver_of(connection := idle.pop() if idle else self._pooled()).wrap(connection),
                poolclass=sa.pool.QueuePool,
                # A connection that broke while idle is noticed, and replaced.
                pool_pre_ping=True,
                hide_parameters=True,
                execution_options={CONN_ID_OPTION: self.conn_id},
            )
        except (sa.exc.NoSuchModuleError, sa.exc.ArgumentError, ImportError):
            idle.pop().close()
            raise ExploConfigError(
                message(
                    f"{self.label}: its database cannot hold tables of this package",
                    found=f"no SQLAlchemy dialect {dialect!r} is installed",
                    fix="install it, or name the connection of another database in token_conn_id",
                )
            ) from None
        attempt(self.label, lambda: engine.connect().close())
        return engine

    def _dialect(self) -> str:
        try:
            return sa.engine.make_url(self._hook.get_uri()).drivername
        except Exception:
            return str(getattr(self._hook, "conn_type", None) or type(self._hook).__name__)

    def dispose(self) -> None:
        """Close the engine's connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def _pooled(self) -> Any:
        """A connection for a pool: one thread after another uses it."""
        connection = self.connect()
        if not isinstance(connection, sqlite3.Connection):
            return connection
        # SQLite's belong to the thread that made them, unless they are made like this. The hook has nothing but the
        # URI too.
        connection.close()
        uri = self._hook.get_uri().replace("sqlite:///", "file:")
        return self._prepared(lambda: sqlite3.connect(uri, uri=True, check_same_thread=False))

    def _prepared(self, connect: Callable[[], Any]) -> Any:
        try:
            connection = connect()
            driver_of(connection).prepare(connection)
            return connection
        except Exception as driver_error:
            error = to_explo_error(driver_error, f"{self.label}: connecting", fix=_FIX_OF_CONNECTING)
        # Outside of the except block, so that the driver's error is not its context.
        raise error


def engine_of(conn_id: str) -> Engine:
    """The engine of an Airflow connection; see :class:`Database`."""
    return Database(conn_id).engine


@contextmanager
def databases_of(*conn_ids: str) -> Iterator[list[Database]]:
    """The databases of connections, one for those that are the same; their engines are disposed of in the end."""
    databases = {conn_id: Database(conn_id) for conn_id in dict.fromkeys(conn_ids)}
    try:
        yield [databases[conn_id] for conn_id in conn_ids]
    finally:
        for database in databases.values():
            database.dispose()


def attempt(
    operation: str, work: Callable[[], T], *, lacking: Callable[[BaseException], Mapping[str, str]] | None = None
) -> T:
    """Do something in a database; an error shows neither the statement nor the values in it.

    :param operation: what is being done, for the message: ``token table t: saving tokens``.
    :param lacking: from an error for want of a right to ``found`` and ``fix`` of the message.
    :raises ExploError: the database is away, or busy for too long; a retry may help.
    :raises ExploConfigError: it refuses this.
    """
    try:
        return work()
    except sa.exc.SQLAlchemyError as database_error:
        error = to_explo_error(database_error, operation, lacking=lacking)
    # Outside of the except block, so that the driver's error, which may show a row, is not its context.
    raise error


def without_frames(work: Callable[[], T]) -> T:
    """Do something with tokens. The frames of what fails, or is interrupted, hold them, and some tools show frames."""
    try:
        return work()
    except BaseException as error:
        raise error.with_traceback(None) from None


def _hook_of(conn_id: str) -> DbApiHook:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    hook = get_hook(conn_id)
    if not isinstance(hook, DbApiHook):
        raise ExploConfigError(
            message(
                f"connection {conn_id!r} cannot be used",
                found=f"connection type {getattr(hook, 'conn_type', None)!r}",
                expected=SQL_TYPE,
            )
        )
    return hook
