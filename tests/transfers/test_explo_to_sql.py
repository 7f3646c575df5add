"""ExploToSqlOperator: the whole list of customers into a table, on each database; the emulator is Explo."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.emulator import ApiToken, ExploEmulator, Fault
from airflow_provider_explo.exceptions import ExploUnavailableError
from airflow_provider_explo.sql.customers_table import JSON_COLUMNS
from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from tests.conftest import metadata_rows_with
from tests.errors import failure
from tests.transfers.inventory import COLUMNS, ids_in, rows_of, tokens_of


@pytest.fixture
def inventory(run_dag, explo_connection):
    """Run one ExploToSqlOperator in a DAG of its own."""

    def run(**arguments):
        with DAG("inventory", start_date=datetime(2024, 1, 1), schedule=None) as dag:
            ExploToSqlOperator(task_id="inventory", **{"sql_conn_id": "warehouse", **arguments})
        return run_dag(dag)

    return run


def add_a_family(emulator):
    emulator.add_tag("gold")
    emulator.add(
        provided_id="acme", name="Acme 日本 🎉", mapping={"40": "213"}, properties={"region": "eu", "token": "x"}
    )
    emulator.add(
        provided_id="acme-child",
        name="Child; DROP TABLE explo_customers",
        hierarchy_level_name="User",
        parent_provided_id="acme",
        is_demo_group=True,
        emails=["a@example.com", "b@example.com"],
        group_tags=["gold"],
        properties={"plan": "team"},
    )


def test_every_column_of_the_customer_object_is_written(inventory, anywhere, explo_connection):
    add_a_family(explo_connection)
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    run = inventory()
    assert run.state == "success", run.log
    assert run.xcom("inventory") == {"customers": 2, "table": "explo_customers"}
    parent, child = rows_of(anywhere)
    assert list(parent) == COLUMNS
    assert (parent["provided_id"], parent["name"]) == ("acme", "Acme 日本 🎉")
    assert (parent["hierarchy_level"], child["hierarchy_level"]) == ("Customer", "User")
    assert parent["access_group"] == child["access_group"] == "production"
    assert (bool(parent["is_demo_group"]), bool(child["is_demo_group"])) == (False, True)
    assert {column: json.loads(child[column]) for column in JSON_COLUMNS} == {
        "emails": ["a@example.com", "b@example.com"],
        "group_tags": ["gold"],
        "properties": {"plan": "team"},
        "computed_properties": {"region": "eu", "token": "x", "plan": "team"},
        "parent_schema_datasource_mapping": {},
        "computed_parent_schema_datasource_mapping": {"40": "213"},
    }
    synced_at = child["synced_at"]
    synced_at = datetime.fromisoformat(synced_at) if isinstance(synced_at, str) else synced_at
    synced_at = synced_at if synced_at.tzinfo else synced_at.replace(tzinfo=timezone.utc)
    assert before < synced_at < datetime.now(timezone.utc)
    assert "customers table explo_customers: NULL" not in run.log
    assert "unknown fields ignored" not in run.log


def test_rows_are_replaced_by_what_explo_has_now(inventory, anywhere, explo_connection):
    explo_connection.add_many(30)
    assert inventory().xcom("inventory")["customers"] == 30
    explo_connection.delete("tenant-7")
    explo_connection.edit("tenant-8", name="New name")
    explo_connection.add(provided_id="later")
    run = inventory()
    assert run.state == "success", run.log
    rows = {row["provided_id"]: row for row in rows_of(anywhere)}
    assert rows.keys() == tokens_of(explo_connection).keys()
    assert rows["tenant-8"]["name"] == "New name"
    assert "customers table explo_customers: 30 customers, before 30" in run.log


def test_tokens_are_written_only_where_asked_for(inventory, anywhere, explo_connection):
    explo_connection.add_many(3)
    tokens = tokens_of(explo_connection)
    run = inventory()
    assert not any(token in str(rows_of(anywhere)) for token in tokens.values())
    run = inventory(include_tokens=True)
    assert run.state == "failed"
    assert "has no column token" in run.log
    run = inventory(include_tokens=True, table="with_tokens")
    assert run.state == "success", run.log
    assert {row["provided_id"]: row["token"] for row in rows_of(anywhere, "with_tokens")} == tokens
    for token in tokens.values():
        assert token not in run.log
        assert metadata_rows_with(token) == set()
    # A run that is not asked for tokens leaves none behind.
    assert inventory(table="with_tokens").state == "success"
    assert {row["token"] for row in rows_of(anywhere, "with_tokens")} == {None}


def test_numbers_keep_their_digits_and_odd_text_is_stored(inventory, anywhere, explo_connection):
    explo_connection.add(provided_id="acme", name="nul \0", properties={"account": 9007199254740993, "nul": "a\0b"})
    run = inventory()
    assert run.state == "success", run.log
    (row,) = rows_of(anywhere)
    assert row["name"] == "nul \\x00"
    assert json.loads(row["properties"]) == {"account": 9007199254740993, "nul": "a\0b"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("status", status=401), "Explo rejected the API token"),
        (Fault("html"), "the response is an HTML page"),
        (Fault("redirect", location="https://omni.co/explo"), "omni.co"),
        (Fault("no_token"), "row 1: the token is missing"),
        (Fault("status", status=503, times=None), "HTTP 503"),
    ],
)
def test_a_list_that_fails_leaves_the_old_rows(inventory, warehouse, explo_connection, monkeypatch, fault, words):
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    explo_connection.add_many(3)
    inventory()
    before = rows_of(engine)
    explo_connection.add_many([{"provided_id": f"later-{number}"} for number in range(1500)])
    patience = explo_connection.connection_json(requests_per_minute=60_000, retry_timeout=1)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", patience)
    explo_connection.inject(fault)
    run = inventory()
    assert run.state == "failed"
    assert words in run.log
    assert rows_of(engine) == before
    engine.dispose()


def test_a_second_page_that_fails_leaves_the_old_rows(inventory, warehouse, explo_connection):
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    explo_connection.add_many(1500)
    inventory()
    before = rows_of(engine)
    assert len(before) == 1500
    explo_connection.clear_requests()
    # The first request's fault changes nothing.
    explo_connection.inject(Fault("slow", seconds=0))
    explo_connection.inject(Fault("html"))
    run = inventory()
    assert run.state == "failed"
    assert "page 2: GET /v2/api/customers/" in run.log
    assert explo_connection.request_count == 2
    assert rows_of(engine) == before
    engine.dispose()


def test_what_a_retry_cannot_fix_fails_the_task_for_good(warehouse, explo_connection, airflow_home, monkeypatch):
    operator = ExploToSqlOperator(task_id="inventory", sql_conn_id="warehouse")
    explo_connection.inject(Fault("status", status=401))
    error = failure(lambda: operator.execute({}))
    assert type(error).__name__ == "AirflowFailException"
    impatient = explo_connection.connection_json(requests_per_minute=60_000, retry_timeout=0.2)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", impatient)
    explo_connection.inject(Fault("status", status=503, times=None))
    assert type(failure(lambda: operator.execute({}))) is ExploUnavailableError


def test_an_empty_list_does_not_replace_rows(inventory, anywhere, explo_connection):
    run = inventory()
    assert (run.state, rows_of(anywhere)) == ("success", [])
    explo_connection.add_many(2)
    inventory()
    explo_connection.reset()
    run = inventory()
    assert run.state == "failed"
    assert "not replaced, because Explo's list is empty" in run.log
    assert "0 customers in Explo, 2 rows in the table" in run.log
    assert ids_in(anywhere) == ["tenant-1", "tenant-2"]
    with anywhere.begin() as connection:
        connection.exec_driver_sql("DELETE FROM explo_customers")
    assert inventory().state == "success"


def test_the_table_is_checked_before_the_first_request(inventory, anywhere, explo_connection):
    with anywhere.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (provided_id VARCHAR(255), name VARCHAR(255))")
        columns = ", ".join(f"{column} TEXT" for column in COLUMNS[1:-1] if column != "is_demo_group")
        connection.exec_driver_sql(
            f"CREATE TABLE typed (provided_id VARCHAR(255), {columns}, is_demo_group DATE, synced_at TIMESTAMP)"
        )
    for table, words in (
        ("mine", "has no column is_demo_group, access_group"),
        # DuckDB's dialect does not show the types of columns.
        *([] if anywhere.dialect.name == "duckdb" else [("typed", "is_demo_group is of type DATE, expected BOOLEAN")]),
        ("nowhere.customers", "customers table nowhere.customers"),
        ("explo customers", "customers table: invalid name"),
    ):
        run = inventory(table=table)
        assert run.state == "failed"
        assert words in run.log
    assert explo_connection.request_count == 0


def test_only_customers_that_the_api_token_sees_come(run_dag, warehouse, monkeypatch):
    with ExploEmulator(tokens=[ApiToken("of-testing", visibility_group="testing")]) as explo:
        explo.add_many(3)
        explo.add(provided_id="tried", visibility_group="testing")
        connection = {"conn_type": "explo", "host": explo.url, "password": "of-testing"}
        monkeypatch.setenv("AIRFLOW_CONN_TESTING", json.dumps(connection))
        with DAG("testing", start_date=datetime(2024, 1, 1), schedule=None) as dag:
            ExploToSqlOperator(task_id="inventory", sql_conn_id="warehouse", explo_conn_id="testing")
        assert run_dag(dag).state == "success"
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    assert [(row["provided_id"], row["access_group"]) for row in rows_of(engine)] == [("tried", "testing")]
    engine.dispose()


def test_the_older_list_gives_the_same_rows(inventory, warehouse, explo_connection):
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    add_a_family(explo_connection)
    inventory()
    newer = rows_of(engine)
    explo_connection.inject(Fault("older_list", times=None))
    run = inventory()
    assert run.state == "success", run.log
    assert [{**row, "synced_at": None} for row in rows_of(engine)] == [{**row, "synced_at": None} for row in newer]
    engine.dispose()


def test_a_field_that_may_hold_a_token_is_left_out_with_a_warning(inventory, warehouse, explo_connection):
    explo_connection.add_many(2)
    token = tokens_of(explo_connection)["tenant-1"]
    explo_connection.edit("tenant-1", properties={"copy": f"of {token}"})
    run = inventory()
    assert run.state == "success"
    assert "that may hold a token: properties (1), computed_properties (1)" in run.log
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    assert [row["properties"] for row in rows_of(engine)] == [None, None]
    assert token not in str(rows_of(engine)) + run.log
    engine.dispose()
