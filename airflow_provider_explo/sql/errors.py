"""What a database or its driver raises, as this package's errors, without a value of a row in them."""

from __future__ import annotations

import http.client
import re
import sqlite3
from collections.abc import Callable, Mapping

from airflow_provider_explo.exceptions import ExploConfigError, ExploError, message
from airflow_provider_explo.sql.drivers import code_of, driver_name, state_of
from airflow_provider_explo.sql.rights import is_denied

# By PEP 249 and Python; SQLAlchemy's have the same names.
_TRANSIENT_CLASSES = {"OperationalError", "InterfaceError", "TimeoutError", "ConnectionError"}
# The network under drivers that have no errors of their own for it; requests' are OSErrors too.
_NETWORK_ERRORS = (OSError, EOFError, http.client.HTTPException)
_LOCAL_FILE_ERRORS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
# SQLite has one class for a misspelt query and for a database that is busy.
_TRANSIENT_IN_SQLITE = ("locked", "busy", "disk I/O", "unable to open", "is full")
# By SQLSTATE, whole or its class: connection, rollback, resources, intervention; and PostgreSQL's prepared statements
# that a connection pooler lost or mixed up, transactions that took too long, a standby, a lock.
_TRANSIENT_STATES = {"08", "40", "53", "57", "26000", "42P05", "25P03", "25P04", "25006", "55P03"}
# MySQL and MariaDB have OperationalError for a column that is not there too: disk full, connections, shutdown, network,
# locks, interrupted, read-only while another server takes over, statement and idle timeouts, connection lost.
_TRANSIENT_IN_MYSQL = {
    *(1021, 1040, 1047, 1053, 1114, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1290, 1317, 1412, 1836, 1927),
    *(1969, 3024, 4031, 0, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2026, 2027, 2055),
}
# What may show a value of a row without being PEP 249's DataError.
_DATA_ERRORS = {"DataError", "InvalidInputException", "OutOfRangeException", "IntegrityError", "InternalError"}
_NAMES_IN_MESSAGES = {"field list", "where clause", "on clause", "order clause", "group statement"}
FIX_OF_TRANSIENT = "rows already saved are kept; it is safe to retry the task"
_FIX_OF_A_ROW = "correct the row, select only a tenant's columns, or cast them to text"
_FIX_OF_FULL = f"free space on the disk of that database; {FIX_OF_TRANSIENT}"
_MIX_OF_COLLATIONS = {1267, 1270, 1271}
_MYSQL_DRIVERS = {"MySQLdb", "pymysql", "mysql"}
# Their first line says what is wrong, and a later one may show a row, and in it a token.
_ONE_LINE_DRIVERS = {"psycopg", "psycopg2", "sqlite3", "duckdb"}


def to_explo_error(
    error: Exception,
    operation: str,
    *,
    row: str | None = None,
    query: str | None = None,
    fix: str = FIX_OF_TRANSIENT,
    lacking: Callable[[BaseException], Mapping[str, str]] | None = None,
) -> ExploError:
    """This package's error for what a database or its driver raised.

    :param error: the driver's, or SQLAlchemy's around it.
    :param operation: what was being done, for the message.
    :param row: which row was being read; what is quoted in the error may be of it.
    :param query: the only source of what may be quoted in the message; None: the error is of no query.
    :param fix: what to do where a retry may help.
    :param lacking: from an error for want of a right to ``found`` and ``fix``.
    :returns: a plain ExploError where a retry may help, else an ExploConfigError.
    """
    cause = getattr(error, "orig", None) or error
    reason = _summary(cause, of_a_row=row is not None, query=query)
    summary = f"{operation}: {reason}"
    if lacking is not None and is_denied(cause):
        return ExploConfigError(message(summary, **lacking(cause)))
    if is_transient(cause) or getattr(error, "connection_invalidated", False):
        return ExploError(message(summary, fix=_FIX_OF_FULL if _is_full(cause) else fix))
    if row is None:
        return ExploConfigError(summary)
    return ExploConfigError(message(f"{operation}: {row}: {reason}", fix=_FIX_OF_A_ROW))


def is_transient(error: BaseException) -> bool:
    """Whether a retry may help: the connection is lost, the database away, busy, or too slow."""
    if isinstance(error, sqlite3.Error):
        return any(text in str(error) for text in _TRANSIENT_IN_SQLITE)
    if driver_name(type(error)) in _MYSQL_DRIVERS:
        return code_of(error) in _TRANSIENT_IN_MYSQL
    if isinstance(error, _NETWORK_ERRORS):
        return not isinstance(error, _LOCAL_FILE_ERRORS)
    state = state_of(error)
    if {state, state[:2]} & _TRANSIENT_STATES:
        return True
    return not _class_names(error).isdisjoint(_TRANSIENT_CLASSES)


def is_mix_of_collations(error: BaseException | None) -> bool:
    """Whether MySQL or MariaDB could not compare text with a column that cannot hold it."""
    return error is not None and driver_name(type(error)) in _MYSQL_DRIVERS and code_of(error) in _MIX_OF_COLLATIONS


def _is_full(error: BaseException) -> bool:
    return any(text in str(error) for text in ("is full", "No space left"))


def _summary(error: BaseException, *, of_a_row: bool, query: str | None) -> str:
    names = _class_names(error)
    if isinstance(error, _NETWORK_ERRORS):
        # Not the text: a driver over HTTP may have a URL in it, with a secret.
        reason = getattr(error, "strerror", None)
        return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    text = _first_lines(error)
    if not names & {"DatabaseError", "InterfaceError", "SQLAlchemyError"}:
        # Not PEP 249's: a conversion, or a bug, of the driver.
        text = type(error).__name__ if of_a_row else f"{type(error).__name__}: {text}"
    elif names & (_DATA_ERRORS if query is not None else {"DataError"}) or state_of(error)[:2] == "22":
        # Such as: invalid input syntax for type integer: "…"
        text = re.split("[\"'`]", text)[0].rstrip(": ")
    return text if query is None else _without_values(text, query)


def _without_values(text: str, query: str) -> str:
    """A message in which only that is quoted which is in the query: what else it quotes may be of a row."""

    def shown(match: re.Match[str]) -> str:
        return match[0] if match[2] in _NAMES_IN_MESSAGES or match[2].lower() in query.lower() else "…"

    return re.sub(r"""(["'`])(.+?)(?:\1|$)""", shown, text)


def _first_lines(error: BaseException) -> str:
    text = str(error.args[1]) if code_of(error) is not None and len(error.args) > 1 else str(error)
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[: 1 if driver_name(type(error)) in _ONE_LINE_DRIVERS else 2]) or type(error).__name__


def _class_names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
