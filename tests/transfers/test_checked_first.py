"""The query, the tables and the arguments are checked before any request."""

from __future__ import annotations

import json

import pytest

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.transfers.conftest import SQL, counts


def test_an_empty_result_is_a_success_without_calls(bulk, database, explo_connection, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_EXPLO_DEFAULT")
    run = bulk()
    assert run.state == "success"
    assert counts(run) == {}


def test_the_query_is_a_template_with_parameters(bulk, database):
    database.put(("a", "A"), ("b", "B"), ("c", "C"))
    run = bulk(
        sql="SELECT tenant_id AS USER_GROUP_ID, name AS Name FROM {{ 'tenants' }} WHERE tenant_id > :low",
        parameters={"low": "{{ 'a' }}"},
        token_table="{{ 'tokens' }}",
    )
    assert run.state == "success"
    assert {row["user_group_id"] for row in database.rows("tokens")} == {"b", "c"}


def test_a_percent_sign_without_parameters_and_a_list_of_parameters(bulk, database):
    database.put(("a", "A"), ("b", "B"))
    assert counts(bulk(sql=f"SELECT * FROM ({SQL}) WHERE user_group_id LIKE '%a%'")) == {"created": 1}
    assert counts(bulk(sql=f"SELECT * FROM ({SQL}) WHERE user_group_id = ?", parameters=["b"])) == {"created": 1}


def test_an_unknown_column_is_an_error_unless_it_is_to_be_ignored(bulk, database, explo_connection):
    database.put(("a", "A"))
    sql = "SELECT tenant_id AS user_group_id, name, 1 AS propertys FROM tenants"
    run = bulk(sql=sql)
    assert run.state == "failed"
    assert "unknown columns in its result: propertys" in run.log
    assert explo_connection.request_count == 0
    assert bulk(sql=sql, ignore_columns=["Propertys"]).state == "success"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"sql": "SELECT tenant_id, name FROM tenants"},
            "no column user_group_id in its result",
        ),
        ({"sql": "SELECT tenant_id AS user_group_id, name, name FROM tenants"}, "more than one column name"),
        ({"sql": "SELECT 1 FROM nowhere"}, "no such table: nowhere"),
        ({"sql": "DELETE FROM tenants"}, "returns no rows"),
        ({"token_table": "a b"}, "token table"),
        ({"rejects_table": "a;b"}, "rejects table"),
        ({"sql_conn_id": "explo_default"}, "SQL database"),
        ({"properties_schema": {"type": "nonsense"}}, "properties_schema"),
    ],
)
def test_what_cannot_work_is_told_before_any_call(bulk, database, explo_connection, arguments, words):
    database.put(("a", "A"))
    run = bulk(**arguments)
    assert run.state == "failed"
    assert words in run.log
    assert explo_connection.request_count == 0
    assert len(database.rows("tenants")) == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            "user_group_id TEXT PRIMARY KEY, name TEXT, token TEXT, content_hash TEXT, "
            "explo_conn_id TEXT, created_at TIMESTAMP",
            "updated_at",
        ),
        (
            "user_group_id INTEGER PRIMARY KEY, name TEXT, token TEXT, content_hash TEXT, "
            "explo_conn_id TEXT, created_at TIMESTAMP, updated_at TIMESTAMP",
            "user_group_id is of type INTEGER",
        ),
    ],
)
def test_a_token_table_of_another_shape_is_told_before_any_call(bulk, database, explo_connection, columns, words):
    database.put(("a", "A"))
    database.run(f"CREATE TABLE explo_user_groups ({columns})")
    run = bulk()
    assert run.state == "failed"
    assert words in run.log
    assert explo_connection.request_count == 0


def test_a_database_that_takes_no_writes_is_told_before_any_call(
    bulk, database, explo_connection, tmp_path, monkeypatch
):
    database.put(("a", "A"))
    bulk()
    database.put(("b", "B"))
    explo_connection.clear_requests()
    read_only = {"conn_type": "sqlite", "host": str(database.path), "extra": {"mode": "ro"}}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(read_only))
    run = bulk()
    assert run.state == "failed"
    assert "readonly database" in run.log
    assert explo_connection.request_count == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"if_exists": "ask"},
        {"on_rejected": "ignore"},
        {"chunk_size": 0},
        {"max_in_flight": 0},
        {"budget_share": 0},
        {"budget_share": 1.1},
    ],
)
def test_a_wrong_argument_is_told_when_the_dag_is_parsed(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SqlToExploOperator(task_id="onboard", sql=SQL, sql_conn_id="warehouse", **arguments)
