"""The tables beside the token table, on a MariaDB whose own character set has no emoji and whose TEXT is short."""

from __future__ import annotations

import json

import pytest

from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from tests.databases import scenario
from tests.databases.mariadb import Database

LONG = "x" * 40_000
SIDE_TABLES = {"rejects_table": "rejects", "log_table": "history", "on_rejected": "skip", "if_exists": "update"}


@pytest.fixture
def database(mariadb):
    database = Database(mariadb, "mysqlclient", charset="latin1")
    columns = "tenant_id VARCHAR(99), name VARCHAR(99), mapping JSON, properties JSON"
    database.execute(f"CREATE TABLE tenants ({columns}) CHARACTER SET utf8mb4")
    return database


def test_names_reasons_and_long_changes_are_kept(start, explo, database):
    rows = [("acme", "Acme 🎉", None, json.dumps({"a": LONG})), ("🎉", "", None, None)]
    database.execute("INSERT INTO tenants VALUES (%s, %s, %s, %s)", rows)
    arguments = {"sql": scenario.SQL, "max_change_share": 1.0, **SIDE_TABLES}
    assert scenario.finished(start(database.environment, **arguments))["created"] == 1
    assert database.execute("SELECT user_group_id, name FROM rejects") == [("🎉", "")]
    assert database.execute("SELECT name FROM explo_user_groups") == [("Acme 🎉",)]
    database.execute("UPDATE tenants SET properties = %s WHERE tenant_id = 'acme'", [(json.dumps({"a": LONG[1:]}),)])
    assert scenario.finished(start(database.environment, **arguments))["updated"] == 1
    ((changes,),) = database.execute("SELECT changes FROM history WHERE outcome = 'updated'")
    assert json.loads(changes)["properties"]["after"] == {"a": LONG[1:]}


def test_the_inventory_holds_long_properties(explo, database, monkeypatch):
    for name, connection in database.environment.items():
        monkeypatch.setenv(name, connection)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo.connection_json())
    explo.add(provided_id="acme", name="Acme 🎉", properties={"a": LONG})
    ExploToSqlOperator(task_id="inventory", sql_conn_id="warehouse").execute({})
    ((name, properties),) = database.execute("SELECT name, properties FROM explo_customers")
    assert (name, json.loads(properties)) == ("Acme 🎉", {"a": LONG})
