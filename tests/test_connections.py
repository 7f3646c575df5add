"""Connections that are missing, or that could not be read: what is known is said, and a retry may help."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG
from cryptography.fernet import Fernet

from airflow_provider_explo.connections import get_connection, get_hook
from airflow_provider_explo.exceptions import NON_RETRYABLE, ExploConfigError, ExploError
from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.conftest import HOME

SECRET = "password-of-a-connection"
CREATE = {"operator": ExploCreateUserGroupOperator, "user_group_id": "acme", "name": "Acme"}
SYNC = {
    "operator": SqlToExploOperator,
    "sql": "SELECT tenant_id AS user_group_id, name FROM tenants",
    "sql_conn_id": "warehouse",
}


@pytest.fixture
def run(run_dag: Any, explo_connection: Any, warehouse: Path) -> Callable[..., Any]:
    """Run an operator with two retries; the run's ``failures`` are the messages of its tries."""
    with closing(sqlite3.connect(warehouse)) as connection, connection:
        connection.execute("INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme')")

    def run(*, operator: Any, before_retry: Callable[[int], None] = lambda number: None, **arguments: Any) -> Any:
        failures = []

        class Kept(operator):  # type: ignore[misc]
            def execute(self, context: Any) -> Any:
                try:
                    return super().execute(context)
                except Exception as error:
                    failures.append(str(error))
                    before_retry(len(failures) + 1)
                    raise

        with DAG("connections", start_date=datetime(2024, 1, 1), schedule=None) as dag:
            Kept(task_id="task", retries=2, retry_delay=timedelta(0), **arguments)
        done = run_dag(dag)
        return done.state, failures

    return run


@pytest.fixture
def vault(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Move a connection of the environment into a secrets backend, which is sealed."""
    # The same in every test: Airflow 3.3 keeps the first backend for as long as the process lives.
    folder = airflow_home / "vault"
    folder.mkdir(exist_ok=True)

    def move(conn_id: str) -> Path:
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        (folder / "connections.json").write_text(json.dumps({conn_id: os.environ[variable]}))
        monkeypatch.delenv(variable)
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "tests.secrets_backend.Vault")
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"folder": str(folder)}))
        return folder

    yield move
    (folder / "connections.json").write_text("{}")
    (folder / "unsealed").unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conn_id", "arguments"),
    [
        ("explo_default", CREATE),
        ("warehouse", {**CREATE, "token_conn_id": "warehouse"}),
        ("explo_default", SYNC),
        ("warehouse", SYNC),
    ],
)
def test_a_secrets_backend_that_was_away_is_asked_again_at_the_next_try(
    conn_id, arguments, run, vault, explo_connection
):
    folder = vault(conn_id)
    state, failures = run(**arguments, before_retry=lambda number: number == 3 and (folder / "unsealed").touch())
    assert state == "success"
    assert len(failures) == 2
    assert [group.provided_id for group in explo_connection.groups] == ["acme"]
    for failure in failures:
        assert failure.startswith(f"connection '{conn_id}' is missing, or could not be read\n")
        assert f"AIRFLOW_CONN_{conn_id.upper()} (not set), tests.secrets_backend.Vault, Airflow's database" in failure
        assert "check the secrets backend and the Fernet key" in failure


@pytest.fixture
def of_another_key(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Move a connection of the environment into Airflow's database, encrypted with a key that Airflow does not have."""

    def execute(sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(HOME / "airflow.db")) as database, database:
            database.execute(sql, values)

    def move(conn_id: str) -> None:
        monkeypatch.delenv(f"AIRFLOW_CONN_{conn_id.upper()}")
        password = Fernet(Fernet.generate_key()).encrypt(SECRET.encode()).decode()
        columns = "conn_id, conn_type, password, is_encrypted, is_extra_encrypted"
        execute(f"INSERT INTO connection ({columns}) VALUES (?, 'sqlite', ?, 1, 0)", conn_id, password)

    yield move
    execute("DELETE FROM connection")


@pytest.mark.parametrize(("conn_id", "arguments"), [("explo_default", CREATE), ("warehouse", SYNC)])
def test_a_fernet_key_that_was_changed_is_suspected(conn_id, arguments, run, of_another_key):
    of_another_key(conn_id)
    state, failures = run(**arguments)
    assert (state, len(failures)) == ("failed", 3)
    for failure in failures:
        assert failure.startswith(f"connection '{conn_id}' is missing, or could not be read\n")
        assert failure.endswith("; if it exists, check the Fernet key")


@pytest.mark.parametrize(("conn_id", "arguments"), [("explo_default", CREATE), ("warehouse", SYNC)])
def test_malformed_json_of_the_environment_is_named_but_not_shown(conn_id, arguments, run, monkeypatch):
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", f'{{"conn_type": "explo", "password": "{SECRET}"')
    state, failures = run(**arguments)
    assert (state, len(failures)) == ("failed", 3)
    for failure in failures:
        assert f"AIRFLOW_CONN_{conn_id.upper()} is set, but is not valid JSON (line 1, column " in failure
        assert SECRET not in failure


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (None, "none in AIRFLOW_CONN_HERE (not set), Airflow's database"),
        ("", "none in AIRFLOW_CONN_HERE (empty), Airflow's database"),
        (
            json.dumps({"conn_type": "explo", "passwort": SECRET}),
            "AIRFLOW_CONN_HERE is set, but Airflow cannot read it",
        ),
        (json.dumps({"conn_type": "explo", "port": SECRET}), "cannot read it as a connection ("),
        (f"explo://:{SECRET}@http://https://api.explo.co", "cannot read it as a URI"),
    ],
)
@pytest.mark.parametrize("read", [lambda: get_connection("here", kind="the type 'explo'"), lambda: get_hook("here")])
def test_what_is_known_of_the_environment_is_said(value, known, read, airflow_home, monkeypatch):
    if value is not None:
        monkeypatch.setenv("AIRFLOW_CONN_HERE", value)
    with pytest.raises(ExploError, match=re.escape(known)) as caught:
        read()
    assert not isinstance(caught.value, NON_RETRYABLE)
    assert SECRET not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_type_without_its_provider_is_a_config_error_which_names_it(airflow_home, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HERE", "snowflake://any")
    with pytest.raises(ExploConfigError, match="install apache-airflow-providers-snowflake on the workers"):
        get_hook("here")
    monkeypatch.setenv("AIRFLOW_CONN_HERE", "postgress://any")
    with pytest.raises(ExploConfigError, match="of type 'postgress', which no installed provider has"):
        get_hook("here")


def test_a_provider_that_cannot_be_imported_is_a_config_error(airflow_home, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HERE", "postgres://any")
    get_hook("here")
    monkeypatch.setitem(sys.modules, "airflow.providers.postgres.hooks.postgres", None)
    with pytest.raises(ExploConfigError, match="of type 'postgres', whose provider cannot be imported: "):
        get_hook("here")
