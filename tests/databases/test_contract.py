"""A source is whatever ``get_conn()`` of an Airflow hook gives, as far as PEP 249 goes, and nothing else of the hook.

The hooks of Athena, BigQuery, Databricks, Redshift, Trino, SQL Server and Oracle were read: what is odd about their
connections is in ``tests/databases/odd.py``. The servers themselves cannot be had here.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.databases import scenario
from tests.databases.odd import ODDITIES
from tests.databases.tokens import TokensInSqlite

SQL = f"{scenario.SQL} WHERE tenant_id >= :low AND name LIKE 'Tenant %' ORDER BY tenant_id"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tenants (tenant_id TEXT, name TEXT, mapping TEXT, properties TEXT)")
        connection.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?)", scenario.tenants()[:300])
    return path


@pytest.mark.parametrize("name", ODDITIES)
def test_a_source_needs_nothing_but_a_connection(start, explo, source, tmp_path, name):
    tokens = TokensInSqlite(tmp_path / "tokens.db")
    connection = json.dumps({"conn_type": "odd", "host": str(source), "schema": name})
    environment = {"AIRFLOW_CONN_WAREHOUSE": connection, **tokens.environment}
    arguments = {"sql": SQL, "parameters": {"low": "tenant-0040"}, "chunk_size": 100, "on_rejected": "skip"}
    summary = scenario.finished(start(environment, **arguments, **tokens.arguments))
    # Without the first 40, and without two that have no name: one more has a bad mapping.
    assert (summary["created"], summary["rejected"]) == (257, 2)
    assert tokens.read() == scenario.tokens_in(explo)
    explo.clear_requests()
    assert scenario.finished(start(environment, **arguments, **tokens.arguments))["unchanged"] == 257
    assert scenario.sent(explo) == []


@pytest.mark.parametrize("name", ODDITIES)
def test_a_statement_without_rows_is_told(start, explo, source, tmp_path, name):
    tokens = TokensInSqlite(tmp_path / "tokens.db")
    connection = json.dumps({"conn_type": "odd", "host": str(source), "schema": name})
    environment = {"AIRFLOW_CONN_WAREHOUSE": connection, **tokens.environment}
    log = scenario.failed(start(environment, sql="DELETE FROM tenants", **tokens.arguments))
    assert "the statement returns no rows" in log
    with closing(sqlite3.connect(source)) as database:
        assert database.execute("SELECT count(*) FROM tenants").fetchone() == (300,)


def test_tokens_want_a_dialect(start, explo, source):
    connection = json.dumps({"conn_type": "odd", "host": str(source), "schema": "trino"})
    environment = {"AIRFLOW_CONN_WAREHOUSE": connection, "AIRFLOW_CONN_TOKENS": connection}
    log = scenario.failed(start(environment, sql=SQL, parameters={"low": ""}, token_conn_id="tokens"))
    assert "no SQLAlchemy dialect 'odd' is installed" in log
    assert explo.groups == []
