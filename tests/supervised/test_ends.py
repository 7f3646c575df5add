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
from tests.supervised.conftest import BULK, PUT, ROWS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("paced")]
assert subprocess

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS user_group_id, '' AS name FROM n"


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
    task.assert_unsaved_are_logged(explo_connection, tokens_in(tenants))


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
