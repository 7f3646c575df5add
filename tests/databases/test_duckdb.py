"""DuckDB: tenants and tokens in one file, which one process at a time may open."""

from __future__ import annotations

import json
from contextlib import closing

import duckdb
import pytest

from tests.databases import scenario


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute("CREATE TABLE tenants (tenant_id VARCHAR, name VARCHAR, mapping JSON, properties JSON)")
        columns = [list(column) for column in zip(*scenario.tenants(), strict=True)]
        connection.execute("INSERT INTO tenants SELECT unnest(?), unnest(?), unnest(?), unnest(?)", columns)
    return path


def test_a_run_that_is_killed_and_run_again(start, explo, path):
    environment = {"AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "duckdb", "host": str(path)})}

    def tokens():
        with closing(duckdb.connect(str(path))) as connection:
            return dict(connection.execute("SELECT user_group_id, token FROM explo_user_groups").fetchall())

    scenario.check(lambda **more: start(environment, **more), explo, tokens)
