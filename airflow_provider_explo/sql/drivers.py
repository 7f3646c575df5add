"""What differs between database drivers: how a connection is set up, how a large result is streamed, which dialect."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

BUSY_TIMEOUT_MS = 60_000
# What a driver returns is one of these already, or as_text() makes it so where it can.
PLAIN_TYPES = (str, int, dict, list, type(None))
# What the driver would convert, and fail to for a date before Christ or without an end.
_POSTGRES_TIMES = {"date": 1082, "time": 1083, "timestamp": 1114, "timestamptz": 1184, "interval": 1186, "timetz": 1266}
_POSTGRES_ARRAYS_OF_TIMES = (1182, 1183, 1115, 1185, 1187, 1270)


@dataclass(frozen=True)
class Driver:
    """One database driver; the defaults are those of a driver that this package does not know.

    :param dialect: its SQLAlchemy dialect and driver; None: the Airflow connection's URI says.
    :param prepare: sets a new connection up, whatever the Airflow connection says about cursors and rows.
    :param cursor: a cursor that leaves the result in the database where the driver can, and whose values are text where
        the driver's own conversion may fail or lose digits.
    :param wrap: what SQLAlchemy's dialect wants around a connection.
    :param closes_quickly: closing the cursor does not read the rest of the result first.
    :param describes_late: the columns of a result are known only after the first fetch.
    """

    dialect: str | None = None
    prepare: Callable[[Any], None] = lambda connection: None
    cursor: Callable[[Any], Any] = lambda connection: connection.cursor()
    wrap: Callable[[Any], Any] = lambda connection: connection
    closes_quickly: bool = True
    describes_late: bool = False


def driver_name(kind: type) -> str:
    """The driver that a class of a connection or of an error is of: the module's first part."""
    # DuckDB's is _duckdb.
    return kind.__module__.partition(".")[0].lstrip("_")


def state_of(error: BaseException) -> str:
    """The SQLSTATE of a driver's error; empty where it has none."""
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


def code_of(error: BaseException) -> int | None:
    """The database's own number of a driver's error, as MySQL's have it; or None."""
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None


def driver_of(connection: Any) -> Driver:
    """The driver of a DB-API connection, by the module of its class."""
    for kind in type(connection).__mro__:
        driver = _DRIVERS.get(driver_name(kind))
        if driver is not None:
            return driver
    return Driver()


def paramstyle_of(connection: Any) -> str:
    """The placeholders of a DB-API connection's driver, by PEP 249; ``pyformat`` where it does not say."""
    for kind in type(connection).__mro__:
        name = kind.__module__.lstrip("_")
        while name:
            style = getattr(sys.modules.get(name), "paramstyle", None)
            if isinstance(style, str):
                return style
            name = name.rpartition(".")[0]
    return "pyformat"


def as_text(value: Any) -> Any:
    """What a driver returns as bytes, or as an object to be read, as text; bytes that are not UTF-8 as surrogates."""
    if isinstance(value, PLAIN_TYPES):
        return value
    if not isinstance(value, (bytes, bytearray, memoryview)) and hasattr(value, "read"):
        value = value.read()
    return _decoded(value) if isinstance(value, (bytes, bytearray, memoryview)) else value


def _decoded(value: Any) -> str:
    # A tenant with surrogates is rejected; the others of the query are not.
    return value if isinstance(value, str) else bytes(value).decode("utf-8", "surrogateescape")


def _prepare_psycopg(connection: Any) -> None:
    from psycopg.rows import tuple_row

    # Behind pgbouncer in transaction mode, a statement that was prepared is gone, or another client's.
    connection.prepare_threshold = None
    connection.row_factory = tuple_row
    connection.autocommit = False


def _psycopg_cursor(connection: Any) -> Any:
    from psycopg.types.json import set_json_loads
    from psycopg.types.string import TextLoader

    cursor = connection.cursor(name="explo_tenants")
    set_json_loads(_decoded, cursor)
    for kind in _POSTGRES_TIMES:
        cursor.adapters.register_loader(kind, TextLoader)
    return cursor


def _prepare_psycopg2(connection: Any) -> None:
    connection.cursor_factory = None
    connection.autocommit = False


def _psycopg2_cursor(connection: Any) -> Any:
    from psycopg2 import extensions, extras

    cursor = connection.cursor("explo_tenants")
    extras.register_default_json(cursor, loads=str)
    extras.register_default_jsonb(cursor, loads=str)
    kinds = (*_POSTGRES_TIMES.values(), *_POSTGRES_ARRAYS_OF_TIMES)
    extensions.register_type(extensions.new_type(kinds, "TIME_AS_TEXT", lambda value, cursor: value), cursor)
    return cursor


def _prepare_mysql(connection: Any) -> None:
    cursor = connection.cursor()
    # The driver's own default may be a character set without emoji, and the server's a mode that shortens text.
    cursor.execute("SET NAMES utf8mb4")
    cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
    cursor.close()


def _mysqlclient_cursor(connection: Any) -> Any:
    from MySQLdb.cursors import SSCursor

    return connection.cursor(SSCursor)


def _pymysql_cursor(connection: Any) -> Any:
    from pymysql.cursors import SSCursor

    return connection.cursor(SSCursor)


def _prepare_sqlite(connection: Any) -> None:
    connection.row_factory = None
    # Its writers wait for one another; the driver's own 5 seconds are few for several tasks.
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _sqlite_cursor(connection: Any) -> Any:
    # As _decoded, in C.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    return connection.cursor()


def _duckdb_cursor(connection: Any) -> Any:
    cursor = connection.cursor()
    # It would commit what the query writes.
    cursor.begin()
    return cursor


def _wrap_duckdb(connection: Any) -> Any:
    from duckdb_engine import ConnectionWrapper

    return ConnectionWrapper(connection)


_DRIVERS = {
    "psycopg": Driver("postgresql+psycopg", _prepare_psycopg, _psycopg_cursor),
    "psycopg2": Driver("postgresql+psycopg2", _prepare_psycopg2, _psycopg2_cursor, describes_late=True),
    "MySQLdb": Driver("mysql+mysqldb", _prepare_mysql, _mysqlclient_cursor, closes_quickly=False),
    "pymysql": Driver("mysql+pymysql", _prepare_mysql, _pymysql_cursor, closes_quickly=False),
    "mysql": Driver("mysql+mysqlconnector", _prepare_mysql, closes_quickly=False),
    "sqlite3": Driver("sqlite", _prepare_sqlite, _sqlite_cursor),
    "duckdb": Driver("duckdb", cursor=_duckdb_cursor, wrap=_wrap_duckdb),
}
