"""What the page shows, from tables to the variables of its template, in this process."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_explo.page import queries, view
from airflow_provider_explo.page.pending import WaitingPlan
from airflow_provider_explo.page.queries import Settings
from airflow_provider_explo.sql.engine import engine_of
from airflow_provider_explo.sql.overview import Overview
from tests.page.tables import LAST

OURS, OTHERS = "ours/sync", "others/sync"


@pytest.fixture
def settings(airflow_home, tmp_path, monkeypatch):
    """Two runs of one DAG and one of another, and 60 tenants who are broken."""
    monkeypatch.setenv("AIRFLOW_CONN_SMALL", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "small.db")}))
    monkeypatch.setenv(
        "AIRFLOW_CONN_EXPLO_DEFAULT",
        json.dumps({"conn_type": "explo", "password": "token", "extra": {"requests_per_minute": 250}}),
    )
    engine = engine_of("small")
    overview = Overview(engine, log_table="explo_log", rejects_table="explo_rejects")
    logged = [
        (OURS, "run-1", 0, "created"),
        (OURS, "run-1", 30, "created"),
        (OURS, "run-2", 120, "updated"),
        (OURS, "run-2", 120, "failed"),
        (OTHERS, "run-9", 60, "deleted"),
    ]
    rows = [
        {
            "logged_at": LAST - timedelta(hours=1) + timedelta(seconds=seconds),
            "task": task,
            "run": run,
            "user_group_id": "t",
            "outcome": outcome,
            "reason": "",
        }
        for task, run, seconds, outcome in logged
    ]
    rejects = [
        {
            "reject_key": f"key-{number}",
            "task": OTHERS if number == 0 else OURS,
            "row_number": number,
            "user_group_id": f"broken-{number}",
            "outcome": "failed" if number < 10 else "rejected",
            "reason": "why",
            "first_seen_at": LAST - timedelta(days=number),
            "last_seen_at": LAST,
        }
        for number in range(60)
    ]
    for table, values in ((overview.log, rows), (overview.rejects, rejects)):
        table.prepare()
        with engine.begin() as connection:
            connection.execute(table.table.insert(), values)
    engine.dispose()
    return Settings(
        conn_id="small", log_table="explo_log", rejects_table="explo_rejects", explo_conn_id="explo_default"
    )


def shown(settings, *, plans=(), may_read=lambda dag_id: True, task="", runs=1, broken=1):
    content = queries.read(settings, may_read=may_read, task=task, runs_page=runs, rejects_page=broken)
    return view.values(content, plans, settings=settings, task=task, runs_page=runs, rejects_page=broken)


def test_runs_tenants_and_changes_by_minute(settings):
    values = shown(settings)
    assert values["errors"] == []
    assert [(run["task"], run["run"], run["counts"]) for run in values["runs"]] == [
        (OURS, "run-2", [0, 1, 0, 0, 0, 1]),
        (OTHERS, "run-9", [0, 0, 0, 1, 0, 0]),
        (OURS, "run-1", [2, 0, 0, 0, 0, 0]),
    ]
    assert values["runs"][0]["path"] == "/dags/ours/runs/run-2/tasks/sync"
    assert list(values["minutes"].values()) == [2, 1, 1]
    assert (values["limit"], values["broken"], values["broken_counts"]) == (250, 60, {"failed": 10, "rejected": 50})
    assert 'class="created"' in values["runs_chart"]
    assert 'class="limit"' in values["minutes_chart"]
    assert view.utc(LAST) == "2026-03-03 12:30"


def test_a_user_sees_the_dags_that_are_theirs_to_read(settings):
    asked = []
    values = shown(settings, may_read=lambda dag_id: asked.append(dag_id) or dag_id == "ours")
    assert {run["task"] for run in values["runs"]} == {OURS}
    assert values["broken"] == 59
    # Once for each DAG, in both tables.
    assert sorted(asked) == ["others", "ours"]
    nothing = shown(settings, may_read=lambda dag_id: False)
    assert (nothing["runs"], nothing["rejects"], nothing["broken"]) == ([], [], 0)
    assert (nothing["runs_chart"], nothing["minutes_chart"]) == ("", "")


def test_one_task_and_the_pages_of_its_tenants(settings):
    first = shown(settings, task=OURS)
    assert {run["task"] for run in first["runs"]} == {OURS}
    assert (len(first["rejects"]), first["first_reject"], first["newer_rejects"]) == (50, 1, None)
    assert first["older_rejects"] == "?task=ours%2Fsync&broken=2"
    assert first["everything"] == "?"
    second = shown(settings, task=OURS, broken=2)
    assert (len(second["rejects"]), second["first_reject"], second["older_rejects"]) == (9, 51, None)
    assert second["newer_rejects"] == "?task=ours%2Fsync"


def test_pages_of_runs(settings, monkeypatch):
    monkeypatch.setattr(queries, "RUNS", 2)
    first, second = shown(settings), shown(settings, runs=2)
    assert ([run["run"] for run in first["runs"]], first["older_runs"]) == (["run-2", "run-9"], "?runs=2")
    assert ([run["run"] for run in second["runs"]], second["older_runs"]) == (["run-1"], None)
    assert (first["newer_runs"], second["newer_runs"]) == (None, "?")


def test_what_cannot_be_read_is_said_once_and_the_rest_is_shown(settings, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_SMALL")
    values = shown(settings, plans=None)
    (error,) = values["errors"]
    assert error.startswith("connection 'small' is missing, or could not be read")
    assert (values["runs"], values["rejects"], values["minutes"], values["plans"]) == (None, None, None, None)
    assert values["limit"] == 250


def test_a_page_that_is_not_configured_reads_nothing(airflow_home):
    settings = Settings.read()
    assert settings == Settings(
        conn_id="", log_table="explo_log", rejects_table="explo_rejects", explo_conn_id="explo_default"
    )
    plan = WaitingPlan(task="a/b", run="r", path="/p", subject="s", text="t", created_at="", counts={})
    values = shown(settings, plans=[plan])
    assert (values["runs"], values["limit"], values["errors"], values["plans"]) == (None, None, [], [plan])
