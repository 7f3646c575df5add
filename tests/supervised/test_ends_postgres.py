"""After SIGTERM a task is over within 10 s, whatever a server on the network does: on Airflow's supervisor."""

from __future__ import annotations

import subprocess

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.explo import (
    ExploRefreshUserGroupTokenOperator,
)
from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.supervised.conftest import BULK, PUT, ROWS, connection_to
from tests.supervised.proxy import Proxy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("paced")]
assert subprocess


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
    task.assert_unsaved_are_logged(explo_connection, saved_in_postgres(postgres_tenants))


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
    task.assert_unsaved_are_logged(explo_connection, saved_in_postgres(postgres_tenants))


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
