"""After SIGTERM or its timeout a task is over within 10 s, whatever the database does: on Airflow's supervisor."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.explo import (
    ExploCreateUserGroupOperator,
    ExploDeleteUserGroupOperator,
    ExploRefreshUserGroupTokenOperator,
    ExploUpdateUserGroupOperator,
)
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.supervised.conftest import connection_to
from tests.supervised.proxy import Proxy

pytestmark = pytest.mark.slow
assert subprocess

TENANTS = 200
SQL = "SELECT tenant_id AS user_group_id, name FROM tenants"
PUT = "INSERT INTO tenants (tenant_id, name) VALUES "
ROWS = ", ".join(f"('t{number}', 'Tenant {number}')" for number in range(TENANTS))
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS user_group_id, '' AS name FROM n"
BULK = {"sql": SQL, "sql_conn_id": "warehouse", "refresh": False}


@pytest.fixture(autouse=True)
def _paced(explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=1200))


@pytest.fixture
def tenants(warehouse):
    with closing(sqlite3.connect(warehouse)) as connection, connection:
        connection.execute(PUT + ROWS)
    return warehouse


@pytest.fixture
def locked(warehouse):
    """Take the whole database, in another process than the task's; released before its rows are read here."""
    with closing(sqlite3.connect(warehouse, isolation_level=None, timeout=30)) as connection:
        yield connection.execute


def tokens_in(path):
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT user_group_id, token FROM explo_user_groups"))


def assert_unsaved_are_logged(task, explo, saved):
    """Each tenant whose group was made, and whose token was not saved, is in the log with its outcome."""
    unsaved = {group.provided_id: group for group in explo.groups if group.provided_id not in saved}
    assert unsaved
    for name, group in unsaved.items():
        assert f"tenant '{name}': created" in task.log or f"tenant '{name}': no response" in task.log
        assert group.token not in task.log


@pytest.mark.parametrize("timeout", [None, 8])
def test_sqlite_token_table_locked(start_task, tenants, locked, explo_connection, timeout):
    task = start_task(SqlToExploOperator, **BULK, **({} if timeout is None else {"execution_timeout": timeout}))
    task.wait_for(lambda: len(explo_connection.groups) >= 10, what="requests")
    locked("BEGIN EXCLUSIVE")
    before = len(explo_connection.groups)
    task.wait_for(lambda: len(explo_connection.groups) > before, what="more requests")
    if timeout is None:
        task.terminate()
    task.assert_ends(within=8 + (timeout or 0))
    locked("COMMIT")
    assert_unsaved_are_logged(task, explo_connection, tokens_in(tenants))


def test_sqlite_query_without_end(start_task, tenants):
    task = start_task(SqlToExploOperator, **{**BULK, "sql": f"{ENDLESS} WHERE i < 0"})
    task.wait_for(lambda: tokens_table_is_there(tenants), what="the query")
    task.terminate()
    task.assert_ends()
    assert "task was terminated" in task.log or "Task received SIGTERM" in task.log


def test_execution_timeout_of_a_query_without_end(start_task, tenants):
    task = start_task(SqlToExploOperator, **{**BULK, "sql": f"{ENDLESS} WHERE i < 0"}, execution_timeout=2)
    task.wait_for(lambda: tokens_table_is_there(tenants), what="the query")
    task.assert_ends(within=8)
    assert "AirflowTaskTimeout" in task.log


def tokens_table_is_there(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'explo_user_groups'").fetchone()


def test_a_temporary_folder_that_is_full(start_task, warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    many = ENDLESS.replace("'' AS name", "printf('%0200d', i) AS name") + " LIMIT 100000"
    task = start_task(SqlToExploOperator, **{**BULK, "sql": many}, file_limit=8 << 20)
    task.assert_ends(within=60)
    assert "the run's temporary file cannot be written: " in task.log
    assert f"found: {tmp_path}, " in task.log
    assert "fix: free space there, or set TMPDIR to a folder that has more" in task.log


def test_explo_and_the_database_hang(start_task, tenants, explo_connection):
    explo_connection.inject(Fault("slow", seconds=60, times=4))
    task = start_task(SqlToExploOperator, **BULK)
    task.wait_for(lambda: len(explo_connection.groups) == 4, what="requests")
    task.terminate()
    task.assert_ends()
    assert "requests without a response: 4" in task.log
    assert "tenant 't0': no response" in task.log


def test_what_is_in_flight_is_saved(start_task, tenants, explo_connection):
    explo_connection.inject(Fault("slow", seconds=1.5, times=None))
    task = start_task(SqlToExploOperator, **BULK)
    task.wait_for(lambda: len(explo_connection.groups) >= 5, what="requests")
    task.terminate()
    task.assert_ends()
    assert tokens_in(tenants) == {group.provided_id: group.token for group in explo_connection.groups}
    assert "without a response" not in task.log


@pytest.fixture
def postgres_tenants(postgres_warehouse):
    postgres_warehouse.run("CREATE TABLE tenants (tenant_id TEXT, name TEXT)", PUT + ROWS)
    return postgres_warehouse


def saved_in_postgres(warehouse):
    with warehouse.engine.connect() as connection:
        return {name for (name,) in connection.exec_driver_sql("SELECT user_group_id FROM explo_user_groups")}


def assert_ends_with_table_locked(task, tenants, table, explo):
    task.wait_for(lambda: len(explo.groups) >= 10, what="requests")
    with tenants.locked(table):
        before = len(explo.groups)
        task.wait_for(lambda: len(explo.groups) > before + 3, what="more requests")
        task.terminate()
        task.assert_ends()


def test_postgres_token_table_locked(start_task, postgres_tenants, explo_connection):
    task = start_task(SqlToExploOperator, **BULK)
    assert_ends_with_table_locked(task, postgres_tenants, "explo_user_groups", explo_connection)
    assert_unsaved_are_logged(task, explo_connection, saved_in_postgres(postgres_tenants))


def test_postgres_rejects_table_locked_and_tokens_are_saved(start_task, postgres_tenants, explo_connection):
    task = start_task(SqlToExploOperator, **BULK, rejects_table="explo_rejects", max_in_flight=2)
    assert_ends_with_table_locked(task, postgres_tenants, "explo_rejects", explo_connection)
    assert saved_in_postgres(postgres_tenants) == {group.provided_id for group in explo_connection.groups}


@pytest.mark.parametrize("timeout", [None, 8])
def test_packets_to_postgres_dropped(start_task, postgres_tenants, explo_connection, timeout):
    task = start_task(SqlToExploOperator, **BULK, **({} if timeout is None else {"execution_timeout": timeout}))
    task.wait_for(lambda: len(explo_connection.groups) >= 10, what="requests")
    postgres_tenants.proxy.drop()
    before = len(explo_connection.groups)
    task.wait_for(lambda: len(explo_connection.groups) > before + 3, what="more requests")
    if timeout is None:
        task.terminate()
    task.assert_ends(within=8 + (timeout or 0))
    assert_unsaved_are_logged(task, explo_connection, saved_in_postgres(postgres_tenants))


def test_packets_dropped_while_explo_lists(start_task, postgres_tenants, explo_connection):
    """Then all that is left to do with the database is to close its connections."""
    explo_connection.inject(Fault("slow", seconds=60))
    task = start_task(SqlToExploOperator, **{**BULK, "refresh": True})
    task.wait_for(lambda: explo_connection.request_count, what="the list")
    postgres_tenants.proxy.drop()
    task.terminate()
    task.assert_ends()


def test_postgres_query_without_end(start_task, postgres_tenants):
    sql = "SELECT tenant_id AS user_group_id, name FROM tenants WHERE pg_sleep(1) IS NOT NULL"
    task = start_task(SqlToExploOperator, **{**BULK, "sql": sql})
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"

    def is_running():
        with postgres_tenants.engine.connect() as connection:
            return connection.exec_driver_sql(sleeping).fetchone()

    task.wait_for(is_running, what="the query")
    task.terminate()
    task.assert_ends()
    assert "task was terminated" in task.log or "Task received SIGTERM" in task.log


@pytest.fixture
def silent(monkeypatch):
    """The connection of a database that accepts connections, and says nothing."""
    proxy = Proxy(None)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection_to(proxy.port, login="explo", schema="explo"))
    yield proxy
    proxy.close()


@pytest.mark.parametrize(
    ("operator", "arguments"),
    [
        (SqlToExploOperator, BULK),
        (ExploToSqlOperator, {"sql_conn_id": "warehouse"}),
        (ExploRefreshUserGroupTokenOperator, {"user_group_id": "acme", "token_conn_id": "warehouse"}),
    ],
)
def test_a_database_that_accepts_connections_and_says_nothing(start_task, silent, operator, arguments):
    task = start_task(operator, **arguments)
    task.wait_for(lambda: silent.connections, what="a connection")
    task.terminate()
    task.assert_ends()
    assert "task was terminated" in task.log or "Task received SIGTERM" in task.log


ONE = {"user_group_id": "acme", "token_conn_id": "warehouse"}


@pytest.mark.parametrize(
    ("operator", "arguments", "outcome"),
    [
        (ExploCreateUserGroupOperator, {**ONE, "name": "Acme"}, "existing"),
        (ExploUpdateUserGroupOperator, {**ONE, "name": "Acme AG"}, "updated"),
        (ExploRefreshUserGroupTokenOperator, ONE, "token_updated"),
        (ExploDeleteUserGroupOperator, ONE, "deleted"),
    ],
)
def test_one_tenant_and_the_token_table_locked(
    start_task, warehouse, locked, explo_connection, operator, arguments, outcome
):
    token = explo_connection.add(provided_id="acme", name="Acme").token
    with TokenTable.of_connection("warehouse") as tokens:
        tokens.create_if_missing()
        tokens.save(TokenRow(user_group_id="acme", name="Saved", token="other", content_hash="1:aa"))
    explo_connection.inject(Fault("slow", seconds=1, times=None))
    task = start_task(operator, **arguments)
    task.wait_for(lambda: explo_connection.request_count, what="a request")
    locked("BEGIN EXCLUSIVE")
    requests = ("create", "update", "delete", "refresh")
    task.wait_for(lambda: any(name in each.path for each in explo_connection.requests for name in requests), what="it")
    task.wait_for(lambda: has_response(explo_connection), what="its response")
    task.terminate()
    task.assert_ends()
    assert f"tenant 'acme': {outcome}" in task.log
    assert token not in task.log


def has_response(explo):
    return explo.requests[-1].status is not None


def test_inventory_table_locked(start_task, warehouse, locked, explo_connection):
    explo_connection.add_many(3)
    explo_connection.inject(Fault("slow", seconds=1, times=None))
    task = start_task(ExploToSqlOperator, sql_conn_id="warehouse")
    task.wait_for(lambda: explo_connection.request_count, what="the list")
    locked("BEGIN EXCLUSIVE")
    task.terminate()
    task.assert_ends()
