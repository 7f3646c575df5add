"""What a database or its driver raises, as this package's errors, without a value of a row in them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping

from airflow_provider_explo.exceptions import ExploConfigError, ExploError, message
from airflow_provider_explo.sql.rights import is_denied

# By PEP 249 and Python; SQLAlchemy's have the same names.
_TRANSIENT_CLASSES = {"OperationalError", "InterfaceError", "TimeoutError", "ConnectionError"}
# SQLite has one class for a misspelt query and for a database that is busy.
_TRANSIENT_IN_SQLITE = ("locked", "busy", "disk I/O", "unable to open", "is full")
# PostgreSQL: prepared statements that a connection pooler lost or mixed up, and a transaction that was idle too long.
_TRANSIENT_STATES = {"26000", "42P05", "25P03"}
# MySQL and MariaDB have OperationalError for a column that is not there too: disk full, connections, shutdown, network,
# locks, interrupted, read-only while another server takes over, statement and idle timeouts, connection lost.
_TRANSIENT_IN_MYSQL = {
    *(1021, 1040, 1053, 1114, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1317, 1927, 1969, 3024, 4031),
    *(0, 2002, 2003, 2006, 2013, 2014, 2027, 2055),
}
_FIX_OF_TRANSIENT = "rows already saved are kept; it is safe to retry the task"
_FIX_OF_FULL = f"free space on the disk of that database; {_FIX_OF_TRANSIENT}"
_MIX_OF_COLLATIONS = {1267, 1270, 1271}
_MYSQL_DRIVERS = {"MySQLdb", "pymysql", "mysql"}
# Their first line says what is wrong, and a later one may show a row, and in it a token.
_ONE_LINE_DRIVERS = {"psycopg", "psycopg2", "sqlite3", "duckdb"}


def to_explo_error(
    error: Exception,
    operation: str,
    *,
    of_a_row: bool = False,
    lacking: Callable[[BaseException], Mapping[str, str]] | None = None,
) -> ExploError:
    """This package's error for what a database or its driver raised.

    :param error: the driver's, or SQLAlchemy's around it.
    :param operation: what was being done, for the message.
    :param of_a_row: it was raised while a row was read, and may hold its values.
    :param lacking: from an error for want of a right to ``found`` and ``fix``.
    :returns: a plain ExploError where a retry may help, else an ExploConfigError.
    """
    cause = getattr(error, "orig", None) or error
    summary = f"{operation}: {_summary(cause, of_a_row=of_a_row)}"
    if lacking is not None and is_denied(cause):
        return ExploConfigError(message(summary, **lacking(cause)))
    if is_transient(cause) or getattr(error, "connection_invalidated", False):
        return ExploError(message(summary, fix=_FIX_OF_FULL if _is_full(cause) else _FIX_OF_TRANSIENT))
    fix = "correct the row, select only a tenant's columns, or cast them to text" if of_a_row else None
    return ExploConfigError(message(summary, fix=fix))


def is_transient(error: BaseException) -> bool:
    """Whether a retry may help: the connection is lost, the database away, busy, or too slow."""
    if isinstance(error, sqlite3.Error):
        return any(text in str(error) for text in _TRANSIENT_IN_SQLITE)
    if _driver(error) in _MYSQL_DRIVERS:
        return _code(error) in _TRANSIENT_IN_MYSQL
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state in _TRANSIENT_STATES or not _class_names(error).isdisjoint(_TRANSIENT_CLASSES)


def is_mix_of_collations(error: BaseException | None) -> bool:
    """Whether MySQL or MariaDB could not compare text with a column that cannot hold it."""
    return error is not None and _driver(error) in _MYSQL_DRIVERS and _code(error) in _MIX_OF_COLLATIONS


def _is_full(error: BaseException) -> bool:
    return any(text in str(error) for text in ("is full", "No space left"))


def _summary(error: BaseException, *, of_a_row: bool) -> str:
    names = _class_names(error)
    if not names & {"DatabaseError", "InterfaceError", "SQLAlchemyError"}:
        # Not PEP 249's: a conversion, or a bug, of the driver.
        return type(error).__name__ if of_a_row else f"{type(error).__name__}: {_first_lines(error)}"
    text = _first_lines(error)
    # Such as: invalid input syntax for type integer: "…"
    return re.split("[\"'`]", text)[0].rstrip(": ") if "DataError" in names else text


def _first_lines(error: BaseException) -> str:
    text = str(error.args[1]) if _code(error) is not None and len(error.args) > 1 else str(error)
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[: 1 if _driver(error) in _ONE_LINE_DRIVERS else 2]) or type(error).__name__


def _code(error: BaseException) -> int | None:
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None


def _driver(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0].lstrip("_")


def _class_names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
