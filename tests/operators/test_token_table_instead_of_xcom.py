"""ExploCreateUserGroupOperator with a token table: the token goes there, and XCom gets the tenant's id."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from tests.conftest import metadata_rows_with

TENANT = {"user_group_id": "acme", "name": "Acme", "mapping": {"40": "213"}, "properties": {"plan": "gold"}}


@pytest.fixture
def onboard(run_dag, explo_connection, warehouse):
    """Run one operator that saves its token in the warehouse."""

    def run(*, params=None, **arguments):
        with DAG("one", start_date=datetime(2024, 1, 1), schedule=None, params=params) as dag:
            ExploCreateUserGroupOperator(
                task_id="create", **{**TENANT, "token_conn_id": "warehouse", "retries": 0, **arguments}
            )
        return run_dag(dag)

    return run


def rows(warehouse, table="explo_user_groups"):
    with closing(sqlite3.connect(warehouse)) as connection:
        query = f"SELECT user_group_id, name, token, content_hash FROM {table}"
        return {row[0]: row[1:] for row in connection.execute(query)}


def test_the_token_is_in_the_table_and_nowhere_in_airflow(onboard, explo_connection, warehouse):
    run = onboard()
    (group,) = explo_connection.groups
    assert run.states["create"] == "success"
    assert run.xcom("create") == "acme"
    assert run.xcom("create", "user_group")["provided_id"] == "acme"
    name, token, content_hash = rows(warehouse)["acme"]
    assert (name, token) == ("Acme", group.token)
    assert not content_hash.endswith("?")
    assert metadata_rows_with(group.token) == set()
    assert group.token not in run.log


def test_table_and_connection_are_templates(onboard, explo_connection, warehouse):
    run = onboard(
        params={"table": "tokens_of_eu", "database": "warehouse"},
        token_table="{{ params.table }}",
        token_conn_id="{{ params.database }}",
    )
    assert run.xcom("create") == "acme"
    assert rows(warehouse, "tokens_of_eu").keys() == {"acme"}


def test_running_again_changes_nothing_and_what_was_known_stays_known(onboard, warehouse):
    onboard()
    before = rows(warehouse)
    run = onboard()
    assert run.states["create"] == "success"
    assert rows(warehouse) == before


def test_a_group_that_was_there_is_not_taken_for_what_was_asked(onboard, explo_connection, warehouse, tmp_path):
    onboard()
    with closing(sqlite3.connect(warehouse)) as connection, connection:
        connection.execute("DELETE FROM explo_user_groups")
    onboard()
    # The older endpoints do not show the mapping, so a later bulk run with if_exists="update" sends it.
    assert rows(warehouse)["acme"][2].endswith("?")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("CREATE TABLE explo_user_groups (user_group_id TEXT PRIMARY KEY, name TEXT)", "has no column token"),
        (None, "found: 'tokens; DROP TABLE tenants'"),
    ],
)
def test_a_table_that_cannot_be_used_is_found_out_before_the_call(onboard, explo_connection, warehouse, spoil, words):
    if spoil:
        with closing(sqlite3.connect(warehouse)) as connection, connection:
            connection.execute(spoil)
    run = onboard(**({} if spoil else {"token_table": "tokens; DROP TABLE tenants"}), retries=2)
    assert run.states["create"] == "failed"
    assert run.task_instances["create"].try_number == 1
    assert words in run.log
    assert explo_connection.request_count == 0


def test_a_call_that_fails_saves_nothing(onboard, explo_connection, warehouse):
    explo_connection.inject(Fault("refused"))
    run = onboard()
    assert run.states["create"] == "failed"
    assert rows(warehouse) == {}


def test_a_table_without_its_connection_is_refused_when_the_dag_is_parsed():
    with pytest.raises(ValueError, match="token_conn_id"):
        ExploCreateUserGroupOperator(task_id="create", **TENANT, token_table="explo_user_groups")
