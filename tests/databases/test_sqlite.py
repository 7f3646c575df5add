"""SQLite: tenants and tokens in one file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.databases import scenario


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tenants (tenant_id TEXT, name TEXT, mapping TEXT, properties TEXT)")
        connection.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?)", scenario.tenants())
    return path


def test_a_run_that_is_killed_and_run_again(start, explo, path):
    environment = {"AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(path)})}

    def tokens():
        with closing(sqlite3.connect(path)) as connection:
            return dict(connection.execute("SELECT user_group_id, token FROM explo_user_groups").fetchall())

    scenario.check(lambda **more: start(environment, **more), explo, tokens)
