"""ClickHouse's own driver and Airflow's hook for it; the engine is chDB, inside of the process: a source of tenants."""

from __future__ import annotations

import json

import clickhouse_connect
import pytest

from tests.databases import scenario
from tests.databases.tokens import TokensInSqlite

COLUMNS = (
    "tenant_id String, name Nullable(String), mapping String, properties String, signed_up_at DateTime64(3, 'UTC')"
)


@pytest.fixture
def source(tmp_path):
    """A connection to an engine with tenants; one process at a time may open it."""
    path = tmp_path / "clickhouse"
    client = clickhouse_connect.get_client(interface="chdb", path=str(path))
    client.command(f"CREATE TABLE tenants ({COLUMNS}) ENGINE = MergeTree ORDER BY tenant_id")
    client.insert("tenants", scenario.tenants(), column_names=["tenant_id", "name", "mapping", "properties"])
    client.close()
    extra = {"client_kwargs": {"interface": "chdb", "path": str(path)}}
    connection = {"conn_type": "clickhouse", "host": "localhost", "extra": extra}
    return {"AIRFLOW_CONN_WAREHOUSE": json.dumps(connection)}


def test_a_run_that_is_killed_and_run_again(start, explo, source, tmp_path):
    tokens = TokensInSqlite(tmp_path / "tokens.db")
    environment = {**source, **tokens.environment}
    scenario.check(lambda **more: start(environment, **tokens.arguments, **more), explo, tokens.read)
