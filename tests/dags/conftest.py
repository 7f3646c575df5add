"""The example DAGs, parsed as Airflow parses them, and a warehouse for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.transfers.conftest import anywhere  # noqa: F401

DAGS = Path(__file__).parent.parent.parent / "dags"


def day_after(day: int) -> datetime:
    """The date of a manual run, which covers the day that ended then."""
    return datetime(2026, 3, day + 1, tzinfo=timezone.utc)


@pytest.fixture
def example(airflow_home: Path) -> Callable[[str], Any]:
    def find(dag_id: str) -> Any:
        from airflow.models import DagBag

        bag = DagBag(str(DAGS / f"{dag_id}.py"))
        assert not bag.import_errors
        for task in bag.dags[dag_id].tasks:
            # What fails is tried again as in production, but a test need not wait for it.
            if hasattr(task, "partial_kwargs"):
                task.partial_kwargs["retry_delay"] = timedelta(0)
            else:
                task.retry_delay = timedelta(0)
        return bag.dags[dag_id]

    return find


@pytest.fixture
def sign_up(warehouse: Path) -> Callable[..., None]:
    """Put tenants into the warehouse: tenant_id, name, signed_up_at, mapping, properties."""

    def insert(*tenants: tuple[Any, ...]) -> None:
        with closing(sqlite3.connect(warehouse)) as connection, connection:
            rows = [(*tenant, *[None] * (5 - len(tenant))) for tenant in tenants]
            connection.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?)", rows)

    return insert


@pytest.fixture
def saved(warehouse: Path) -> Callable[[], dict[str, dict[str, Any]]]:
    """The token table, by tenant id."""

    def read() -> dict[str, dict[str, Any]]:
        with closing(sqlite3.connect(warehouse)) as connection:
            connection.row_factory = sqlite3.Row
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'explo_user_groups'").fetchone():
                return {}
            rows = connection.execute("SELECT * FROM explo_user_groups").fetchall()
        return {row["user_group_id"]: dict(row) for row in rows}

    return read
