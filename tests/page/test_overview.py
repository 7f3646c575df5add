"""What the database counts, in SQLite and PostgreSQL, and how few rows leave it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sql.engine import engine_of
from airflow_provider_explo.sql.overview import Overview
from tests.page import tables

TASKS = ["explo_sync_tenants/sync", "explo_sync_tenants/sync/3"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def overview(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overview]:
    if request.param == "sqlite":
        text = json.dumps({"conn_type": "sqlite", "host": str(tmp_path_factory.mktemp("page") / "tables.db")})
    else:
        url = request.getfixturevalue("postgres").database("page")
        url = url.set(drivername="postgres")
        text = url.render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_PAGE", text)
        engine = engine_of("page")
    # Whichever time zone the database is in.
    if request.param == "postgres":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET TIME ZONE 'Asia/Kolkata'"))
    yield tables.fill(engine)
    engine.dispose()


@pytest.fixture
def fetched(overview: Overview, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each query returned."""
    counts: list[int] = []
    read = Overview._read

    def counted(*arguments: object) -> object:
        rows = read(*arguments)
        counts.append(len(rows))
        return rows

    monkeypatch.setattr(Overview, "_read", staticmethod(counted))
    return counts


@pytest.mark.slow
def test_runs_are_counted_by_the_database(overview, fetched):
    runs = overview.runs(TASKS, limit=31)
    assert len(runs) == 31
    assert [run.ended_at for run in runs] == sorted((run.ended_at for run in runs), reverse=True)
    assert (runs[0].task, runs[0].run, runs[0].ended_at) == (TASKS[1], "scheduled__52", tables.LAST)
    assert runs[0].counts == {"created": 800, "updated": 400, "rejected": 400, "failed": 400}
    assert fetched == [31, 31 * 4]


def test_pages_of_runs_follow_each_other(overview):
    pages = [overview.runs(TASKS, limit=20, offset=offset) for offset in (0, 20, 40, 60)]
    assert [len(page) for page in pages] == [20, 20, 7, 0]
    runs = [run for page in pages for run in page]
    assert runs == overview.runs(TASKS, limit=100)


def test_runs_of_other_tasks_are_left_out(overview):
    assert {run.task for run in overview.runs(["other_dag/sync"], limit=100)} == {"other_dag/sync"}
    assert overview.runs(["none"], limit=10) == []


def test_the_last_hour_is_counted_by_minute_whichever_the_databases_time_zone(overview, fetched):
    minutes = overview.changes_by_minute(TASKS)
    # 2,000 rows, 5 a second, of which 3 are changes; the last minute has 16 seconds.
    assert minutes[-1] == (tables.LAST.replace(second=0), 3 * 16)
    assert minutes[-2] == (tables.LAST.replace(second=0) - timedelta(minutes=1), 3 * 60)
    assert sum(count for _, count in minutes) == 1200
    assert fetched[0] == 1
    assert fetched[1] < 60
    assert overview.changes_by_minute(["none"]) == []


def test_tenants_who_are_broken_come_in_pages(overview, fetched):
    first = overview.broken(TASKS, limit=50)
    second = overview.broken(TASKS, limit=50, offset=50)
    assert (len(first), len(second)) == (50, 30)
    assert fetched == [50, 30]
    assert first[0].user_group_id == "broken-1"
    assert first[0].first_seen_at == tables.LAST - timedelta(days=1)
    assert overview.broken_counts(TASKS) == {"rejected": 40, "failed": 40}


def test_the_tasks_are_those_with_rows(overview):
    assert set(overview.tasks(overview.log)) == {*TASKS, "other_dag/sync"}
    assert set(overview.tasks(overview.rejects)) == {"explo_sync_tenants/sync", "other_dag/sync"}


def test_a_table_that_is_not_there_has_no_tasks_and_is_not_made(overview):
    other = Overview(overview.log.engine, log_table="not_there", rejects_table="not_there_either")
    assert other.tasks(other.log) == []
    assert not other.log.exists()
    with pytest.raises(ExploError, match="log table not_there: reading it"):
        other.runs(TASKS, limit=1)
