"""Snowflake's own driver and Airflow's hook for it, over HTTPS, against fakesnow: a source of tenants."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
import snowflake.connector

from tests.databases import scenario
from tests.databases.servers import Snowflake
from tests.databases.tokens import TokensInSqlite

COLUMNS = "tenant_id VARCHAR, name VARCHAR, mapping OBJECT, properties VARIANT, signed_up_at TIMESTAMP_TZ"
MANY = "VALUES (%s, %s, %s, %s)"


@pytest.fixture(scope="session")
def snowflake_server(folder, certificates):
    below = folder / "snowflake"
    below.mkdir()
    server = Snowflake(below, certificates)
    yield server
    server.stop()


class Warehouse:
    def __init__(self, server, name, certificates):
        self._where = {"account": "fakesnow", "host": "localhost", "port": server.port, "database": name}
        self._where["session_parameters"] = {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False}
        # Whether a certificate was revoked is asked elsewhere.
        extra = json.dumps({**self._where, "insecure_mode": True})
        connection = {"conn_type": "snowflake", "login": "user", "password": "secret-password", "schema": "PUBLIC"}
        self.environment = {
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({**connection, "extra": extra}),
            "REQUESTS_CA_BUNDLE": str(certificates.authority),
        }
        self.execute(f"CREATE TABLE tenants ({COLUMNS})")

    def execute(self, sql, rows=None):
        user = {"user": "user", "password": "secret-password", "schema": "PUBLIC", "disable_ocsp_checks": True}
        with closing(snowflake.connector.connect(**user, **self._where)) as connection:
            cursor = connection.cursor()
            cursor.executemany(sql, rows) if rows else cursor.execute(sql)


@pytest.fixture
def warehouse(snowflake_server, certificates, monkeypatch, request):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))
    return Warehouse(snowflake_server, f"DB{abs(hash(request.node.name))}", certificates)


@pytest.fixture
def tokens(tmp_path):
    return TokensInSqlite(tmp_path / "tokens.db")


@pytest.fixture
def sync(start, warehouse, tokens):
    return lambda **more: start({**warehouse.environment, **tokens.environment}, **tokens.arguments, **more)


def test_a_run_that_is_killed_and_run_again(sync, explo, warehouse, tokens):
    # Its JSON comes from text here: fakesnow takes many rows in no other way.
    warehouse.execute("CREATE TABLE plain (tenant_id VARCHAR, name VARCHAR, mapping VARCHAR, properties VARCHAR)")
    warehouse.execute(f"INSERT INTO plain {MANY}", scenario.tenants())
    parsed = "tenant_id, name, PARSE_JSON(mapping), PARSE_JSON(properties), '2026-01-01 10:00:00 +09:00'::TIMESTAMP_TZ"
    warehouse.execute(f"INSERT INTO tenants SELECT {parsed} FROM plain")
    scenario.check(sync, explo, tokens.read)


def test_capitals_json_times_and_nulls(sync, explo, warehouse, tokens):
    warehouse.execute(
        "INSERT INTO tenants SELECT 'acme', 'Acme 🎉', PARSE_JSON('{\"40\": \"213\"}'), "
        'PARSE_JSON(\'{"plan": "free", "tags": [1, null, "ä"]}\'), \'2026-01-01 10:00:00 +09:00\'::TIMESTAMP_TZ'
    )
    warehouse.execute("INSERT INTO tenants SELECT 'none', 'None', NULL, NULL, NULL")
    warehouse.execute("INSERT INTO tenants SELECT NULL, 'No id', NULL, NULL, NULL")
    sql = (
        "SELECT tenant_id AS user_group_id, name, mapping, properties, signed_up_at FROM tenants ORDER BY 1 NULLS LAST"
    )
    arguments = {"sql": sql, "ignore_columns": ["signed_up_at"], "on_rejected": "skip"}
    summary = scenario.finished(sync(**arguments))
    assert (summary["created"], summary["rejected"]) == (2, 1)
    acme, none = sorted(explo.groups, key=lambda group: group.provided_id)
    assert (acme.name, acme.mapping, acme.properties) == (
        "Acme 🎉",
        {"40": "213"},
        {"plan": "free", "tags": [1, None, "ä"]},
    )
    assert (none.mapping, none.properties) == ({}, None)
    assert tokens.read() == scenario.tokens_in(explo)


def test_named_parameters(sync, explo, warehouse):
    warehouse.execute(
        "INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", [("a", "A"), ("b", "B 100%"), ("c", "C")]
    )
    sql = "SELECT tenant_id AS user_group_id, name FROM tenants WHERE tenant_id > :low AND name LIKE 'B%'"
    assert scenario.finished(sync(sql=sql, parameters={"low": "a"}))["created"] == 1
    assert [group.name for group in explo.groups] == ["B 100%"]


def test_a_query_that_is_wrong_is_the_querys_error(sync, explo):
    log = scenario.failed(sync(sql="SELECT nonsense FROM nowhere"))
    assert "connection 'warehouse'" in log
    assert "secret-password" not in log
    assert explo.groups == []
