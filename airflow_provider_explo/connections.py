"""Airflow connections and their hooks, and what is known of those that cannot be read.

Airflow looks in one place after another and swallows their errors: "isn't defined" is all it says of a secrets backend
that was away for a moment, of a Fernet key that was changed, and of malformed JSON. So a retry may help.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploConfigError, ExploError, message

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

ENV_PREFIX = "AIRFLOW_CONN_"
SQL_TYPE = "the type of an SQL database"
# What comes after "apache-airflow-providers-" in the name of the distribution that brings a connection type.
_PROVIDERS = {
    **{name: name for name in ("mysql", "odbc", "oracle", "postgres", "presto", "snowflake", "sqlite", "trino")},
    "athena": "amazon",
    "databricks": "databricks",
    "gcpbigquery": "google",
    "mssql": "microsoft-mssql",
    "redshift": "amazon",
}


def get_connection(conn_id: str, *, kind: str) -> Connection:
    """An Airflow connection.

    :param kind: which connection it should be, for the message: ``the type 'explo'``.
    :raises ExploError: it is missing, or could not be read; a retry may help.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    reason = None
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        pass
    except Exception as error:
        # The name of its class only: the text of some shows the connection.
        reason = type(error).__name__
    # Outside of the except block, so that Airflow's error is not its context.
    raise _unreadable(conn_id, kind=kind, reason=reason)


def get_hook(conn_id: str, *, kind: str = SQL_TYPE) -> Any:
    """The hook of an Airflow connection.

    :param kind: as for :func:`get_connection`.
    :raises ExploError: the connection is missing, or could not be read; a retry may help.
    :raises ExploConfigError: its type is not one of an installed provider.
    """
    from airflow.providers.common.compat.sdk import AirflowException

    connection: Any = get_connection(conn_id, kind=kind)
    conn_type = connection.conn_type
    if not conn_type:
        raise ExploConfigError(
            message(
                f"connection {conn_id!r} cannot be used",
                found=f"no connection type, in {ENV_PREFIX}{conn_id.upper()} or where else it is kept",
                fix=f"give it {kind}",
            )
        )
    try:
        return connection.get_hook()
    except ImportError as error:
        reason = f"of type {conn_type!r}, whose provider cannot be imported: {error}"
    except AirflowException:
        reason = f"of type {conn_type!r}, which no installed provider has"
    # A traceback may show this frame's variables.
    del connection
    fix = f"install the provider of that type, or give the connection {kind}"
    if provider := _PROVIDERS.get(conn_type):
        fix = f"install apache-airflow-providers-{provider} on the workers"
    raise ExploConfigError(message(f"connection {conn_id!r} cannot be used", found=reason, fix=fix))


def _unreadable(conn_id: str, *, kind: str, reason: str | None) -> ExploError:
    from airflow.providers.common.compat.sdk import conf

    summary = f"connection {conn_id!r} is missing, or could not be read"
    variable = ENV_PREFIX + conn_id.upper()
    value = os.environ.get(variable)
    if value and reason is None:
        return ExploError(
            message(
                summary,
                found=f"{variable} is set, but {_mistake(conn_id, value)}",
                expected='a URI, or a JSON object such as {"conn_type": …, "host": …}',
                fix="correct the variable",
            )
        )
    options = [("secrets", "backend"), ("workers", "secrets_backend")]
    backends = dict.fromkeys(filter(None, (conf.get(*option, fallback=None) for option in options)))
    state = "empty" if value == "" else "set" if value else "not set"
    places = ", ".join([f"{variable} ({state})", *backends, "Airflow's database"])
    check = "the secrets backend and the Fernet key" if backends else "the Fernet key"
    return ExploError(
        message(
            summary,
            found=f"none in {places}" if reason is None else f"{reason}, looking in {places}",
            fix=f"create it, with {kind}; if it exists, check {check}",
        )
    )


def _mistake(conn_id: str, value: str) -> str:
    """What is wrong with a connection of the environment, without showing any of it."""
    from airflow.providers.common.compat.sdk import Connection

    if not value.lstrip().startswith("{"):
        return "Airflow cannot read it as a URI"
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        return f"is not valid JSON (line {error.lineno}, column {error.colno})"
    try:
        Connection.from_json(value, conn_id=conn_id)
    except Exception as error:
        return f"Airflow cannot read it as a connection ({type(error).__name__})"
    return "Airflow did not take it"
