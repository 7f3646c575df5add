"""A warehouse to read from, and SqlToExploOperator in real DAG runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

SQL = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants ORDER BY rowid"


class Database:
    """An SQLite database with tenants and, later, tokens."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, sql: str, *rows: Any) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(sql, rows) if rows else connection.execute(sql)

    def put(self, *tenants: tuple[Any, ...]) -> None:
        """Add tenants: tenant_id, name, mapping, properties; what is no text or number is stored as JSON."""
        rows = []
        for tenant in tenants:
            padded = (*tenant, *[None] * (4 - len(tenant)))
            rows.append(tuple(json.dumps(part) if isinstance(part, (dict, list)) else part for part in padded))
        self.run("INSERT INTO tenants (tenant_id, name, mapping, properties) VALUES (?, ?, ?, ?)", *rows)

    def rows(self, table: str = "explo_user_groups") -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]

    def tokens(self) -> dict[str, str]:
        return {row["user_group_id"]: row["token"] for row in self.rows()}

    def tables(self) -> set[str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.fixture
def database(warehouse: Path) -> Database:
    return Database(warehouse)


@pytest.fixture
def bulk(run_dag: Any, explo_connection: Any) -> Callable[..., Any]:
    """Run one SqlToExploOperator in a DAG of its own."""

    def run(*, dag_arguments: dict[str, Any] | None = None, **arguments: Any) -> Any:
        with DAG("bulk", start_date=datetime(2024, 1, 1), schedule=None, **dag_arguments or {}) as dag:
            SqlToExploOperator(task_id="onboard", **{"sql": SQL, "sql_conn_id": "warehouse", **arguments})
        return run_dag(dag)

    return run


@pytest.fixture(params=["sqlite", "postgresql", "duckdb"])
def anywhere(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """An empty database of each kind, behind the connection ``warehouse``."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database(f"warehouse_{uuid4().hex}")
        connection = {"conn_type": "postgres", "host": url.query["host"], "login": url.username, "schema": url.database}
    else:
        path = str(tmp_path / "anywhere.db")
        url = f"{request.param}:///{path}"
        connection = {"conn_type": request.param, "host": path}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    engine = sa.create_engine(url)
    yield engine
    # DuckDB 1.5.0 reserves 20 GB of addresses for each open database, after some of which Linux refuses to fork.
    engine.dispose()
