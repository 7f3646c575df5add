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

from airflow_provider_explo.tenants.outcome import KINDS
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
    """Run one SqlToExploOperator in a DAG of its own; without refresh, unless a test is about that."""

    def run(*, dag_arguments: dict[str, Any] | None = None, **arguments: Any) -> Any:
        with DAG("bulk", start_date=datetime(2024, 1, 1), schedule=None, **dag_arguments or {}) as dag:
            SqlToExploOperator(
                task_id="onboard", **{"sql": SQL, "sql_conn_id": "warehouse", "refresh": False, **arguments}
            )
        return run_dag(dag)

    return run


class Run:
    """What came of one execution: the summary, the error if it failed, and how many requests it took."""

    def __init__(self, summary: Any, error: BaseException | None, requests: list[Any]) -> None:
        self.summary = summary or {}
        self.error = error
        self.requests = requests

    @property
    def counts(self) -> dict[str, int]:
        return {kind: self.summary[kind] for kind in KINDS if self.summary.get(kind)}

    @property
    def sent(self) -> list[tuple[str, str | None]]:
        """The requests that change something: last part of the path, and the tenant."""
        reads = ("customers", "get_customer", "group_tags")
        pairs = [(request.path.strip("/").rpartition("/")[2], request.user_group_id) for request in self.requests]
        return [pair for pair in pairs if pair[0] not in reads]


def examples(summary: Any, key: str = "user_group_id") -> dict[Any, dict[str, Any]]:
    """The examples of a summary's problems by tenant, or by row; the reasons of one that has several are joined."""
    found: dict[Any, dict[str, Any]] = {}
    for problem in summary["problems"]:
        for example in problem["examples"]:
            known = found.setdefault(example[key], {**example, "reason": "", "outcome": problem["outcome"]})
            known["reason"] += f"{example['reason']}\n"
    return found


class Pushed:
    """As much of a task instance as the operator uses."""

    dag_id, task_id, run_id, map_index = "dag", "sync", "run", -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, *, key: str, value: Any) -> None:
        json.dumps(value)
        self.pushed[key] = value


@pytest.fixture
def sync(database: Database, explo_connection: Any, airflow_home: Path) -> Callable[..., Run]:
    """Execute one SqlToExploOperator, as it is by default, in this process and without a DAG."""

    def run(**arguments: Any) -> Run:
        explo_connection.clear_requests()
        operator = SqlToExploOperator(task_id="sync", **{"sql": SQL, "sql_conn_id": "warehouse", **arguments})
        ti = Pushed()
        try:
            return Run(operator.execute({"ti": ti}), None, explo_connection.requests)
        except Exception as error:
            return Run(ti.pushed.get("return_value"), error, explo_connection.requests)

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
    # DuckDB opens a file in one process with one configuration at a time, and this dialect has its own.
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    yield engine
    # DuckDB 1.5.0 reserves 20 GB of addresses for each open database, after some of which Linux refuses to fork.
    engine.dispose()


@pytest.fixture
def three(database: Database, sync: Callable[..., Run]) -> Database:
    """Three tenants in Explo and in the token table."""
    database.put(*((f"t{number}", f"Tenant {number}", {"40": "213"}, {"n": number}) for number in range(3)))
    assert sync().counts == {"created": 3}
    return database


def live(emulator: Any) -> dict[str, str]:
    """Tokens by tenant, as Explo has them."""
    return {group.provided_id: group.token for group in emulator.groups}


def counts(run: Any) -> dict[str, int]:
    """The counts that are not 0."""
    summary = run.xcom("onboard")
    kinds = ("created", "existing", "updated", "unchanged", "rejected", "failed")
    return {kind: summary[kind] for kind in kinds if summary[kind]}
