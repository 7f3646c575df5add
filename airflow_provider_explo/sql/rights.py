"""A right that a database user lacks: who it is, and the GRANT that gives it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.sql.drivers import code_of, state_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

# Access to a database, a command, a table, a column, a routine.
_DENIED_IN_MYSQL = {1044, 1142, 1143, 1227, 1370}
_DENIED_STATE = "42501"
CONN_ID_OPTION = "airflow_conn_id"


def is_denied(error: BaseException) -> bool:
    """Whether a driver's error says that its user lacks a right."""
    return state_of(error) == _DENIED_STATE or code_of(error) in _DENIED_IN_MYSQL


def lacking(error: BaseException, connect: Callable[[], Any], conn_id: str | None, *, grant: str) -> dict[str, str]:
    """The details of the message for an error of which :func:`is_denied` is true.

    :param connect: makes a DB-API connection, as the same user.
    :param conn_id: the Airflow connection, if it is known.
    :param grant: what is to be granted, such as ``SELECT ON tenants``. Where it is the schema that is closed, that.
    :returns: ``found`` and ``fix``.
    """
    schema = re.search(r"permission denied for schema (\S+)", str(error))
    if schema:
        grant = f"{'CREATE' if grant.startswith('CREATE') else 'USAGE'} ON SCHEMA {schema[1]}"
    user = _user(connect)
    quoted = re.sub(r"^([^@']+)@([^@']+)$", r"'\1'@'\2'", user)
    whose = f"connection {conn_id!r}" if conn_id else "the connection"
    return {"found": f"{user} is the user of {whose}", "fix": f"GRANT {grant} TO {quoted}"}


def lacking_in(engine: Engine, error: BaseException, *, grant: str) -> dict[str, str]:
    """The same for an engine."""
    conn_id = engine.get_execution_options().get(CONN_ID_OPTION)
    return lacking(error, engine.raw_connection, conn_id, grant=grant)


def _user(connect: Callable[[], Any]) -> str:
    try:
        with closing(connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT CURRENT_USER")
            return str(cursor.fetchone()[0])
    except Exception:
        # What is reported is the right; the name is a courtesy.
        return "its_user"
