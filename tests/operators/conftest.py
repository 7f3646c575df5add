"""One operator in a real DAG run, and what the token table of the warehouse holds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable
from tests.operators.onboarding import dag_with
from tests.processes import wait_until


@pytest.fixture
def run_operator(run_dag: Any, explo_connection: Any) -> Callable[..., Any]:
    """Run an operator, with the task id ``task``, in a DAG of its own."""

    def run(operator: Any, *, dag_arguments: dict[str, Any] | None = None, **arguments: Any) -> Any:
        with DAG("one", start_date=datetime(2024, 1, 1), schedule=None, **dag_arguments or {}) as dag:
            operator(task_id="task", **{"retries": 2, **arguments})
        return run_dag(dag)

    return run


@pytest.fixture
def onboard(run_dag, explo_connection):
    """Run one operator in a DAG of its own."""

    def run(**arguments):
        return run_dag(dag_with(**arguments))

    return run


@pytest.fixture
def save_token(warehouse: Path) -> Callable[..., None]:
    """Save a tenant's token in the warehouse."""

    def save(group: Any, **arguments: Any) -> None:
        with TokenTable.of_connection("warehouse", **arguments) as tokens:
            tokens.create_if_missing()
            values = {"user_group_id": group.provided_id, "name": group.name, "token": group.token}
            tokens.save(TokenRow(**values, content_hash="1:aa"))

    return save


@pytest.fixture
def saved(warehouse: Path) -> Callable[[], dict[str, tuple[str, str, str]]]:
    """Name, token and hash of each row."""

    def rows() -> dict[str, tuple[str, str, str]]:
        with closing(sqlite3.connect(warehouse)) as connection:
            query = "SELECT user_group_id, name, token, content_hash FROM explo_user_groups"
            return {row[0]: row[1:] for row in connection.execute(query)}

    return rows


def paths(emulator: Any) -> list[str]:
    """The requests so far: the last part of each path."""
    return [request.path.strip("/").rpartition("/")[2] for request in emulator.requests]


@contextmanager
def killed_when(operator: Any, met: Callable[[], object]) -> Iterator[None]:
    """Terminate an operator, as Airflow does, once something has happened."""

    def kill() -> None:
        wait_until(met, what="the request", patience=20, pause=0.01)
        operator.on_kill()

    # The operator has the main thread: Airflow 2 executes none in another.
    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()
