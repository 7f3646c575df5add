"""explo_onboard_tenants_bulk and its variant in chunks, run for real against the emulator."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest

from tests.conftest import AIRFLOW_3, metadata_rows_with


def day_after(day: int) -> datetime:
    """The date of a manual run, which covers the day that ended then."""
    return datetime(2026, 3, day + 1, tzinfo=timezone.utc)


@pytest.fixture
def dag(example):
    return example("explo_onboard_tenants_bulk")


@pytest.fixture
def chunks(example, airflow_home):
    from airflow.models.pool import Pool

    Pool.create_or_update_pool("explo_shared", 4, "", include_deferred=False)
    return example("explo_onboard_tenants_in_chunks")


MARCH_2 = [
    ("first", "At midnight", "2026-03-02T00:00:00Z"),
    ("spaced", "Another form", "2026-03-02 10:00:00"),
    ("offset", "In Berlin", "2026-03-03T00:30:00+01:00"),
    ("last", "Just in time", "2026-03-02T23:59:59.999999Z"),
]
OTHERS = [
    ("early", "A day before", "2026-03-01T23:59:59.999Z"),
    ("late", "At the end", "2026-03-03T00:00:00Z"),
    ("west", "In New York", "2026-03-02T20:00:00-05:00"),
]


def test_a_tenant_belongs_to_exactly_one_day(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*MARCH_2, *OTHERS)
    run = run_dag(dag, day_after(2))
    assert run.state == "success", run.log
    assert set(saved()) == {tenant for tenant, *_ in MARCH_2}
    run_dag(dag, day_after(1))
    run_dag(dag, day_after(3))
    assert set(saved()) == {tenant for tenant, *_ in MARCH_2 + OTHERS}
    assert explo_connection.request_count == 7
    assert {tenant: row["token"] for tenant, row in saved().items()} == {
        group.provided_id: group.token for group in explo_connection.groups
    }


def test_a_day_again_makes_no_call_and_changes_nothing(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*MARCH_2)
    run_dag(dag, day_after(2))
    before = saved()
    explo_connection.clear_requests()
    assert run_dag(dag, day_after(2)).state == "success"
    assert run_dag(dag, day_after(5)).state == "success"
    assert explo_connection.request_count == 0
    assert saved() == before


def test_it_takes_over_from_the_mapped_dag_without_a_call(dag, example, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-03-02T10:00:00Z", '{"40": 213}', '{"plan": "gold"}'), *MARCH_2)
    run_dag(example("explo_onboard_new_tenants"), day_after(2))
    before = saved()
    assert len(before) == 5
    explo_connection.clear_requests()
    run = run_dag(dag, day_after(2))
    assert run.xcom("onboard")["unchanged"] == 5
    assert explo_connection.request_count == 0
    assert saved() == before


def test_a_bad_tenant_stops_nobody_and_is_kept_for_whoever_corrects_it(
    dag, run_dag, sign_up, saved, explo_connection, warehouse
):
    sign_up(*MARCH_2, ("bad", " ", "2026-03-02T10:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.states["onboard"] == "failed"
    assert set(saved()) == {tenant for tenant, *_ in MARCH_2}
    with closing(sqlite3.connect(warehouse)) as connection:
        assert connection.execute("SELECT user_group_id FROM explo_rejects").fetchall() == [("bad",)]
    for row in saved().values():
        assert row["token"] not in run.log
        assert metadata_rows_with(row["token"]) == set()


def test_a_time_that_cannot_be_read_is_told_and_stops_nobody(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*MARCH_2, ("odd", "Odd", "2026-03-02 at noon"))
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert run.states["onboard"] == "success"
    assert "tenant 'odd': signed_up_at is '2026-03-02 at noon'" in run.log
    assert set(saved()) == {tenant for tenant, *_ in MARCH_2}


def test_a_window_from_params_stands_for_the_first_load(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*MARCH_2, *OTHERS)
    conf = {"window_start": "2026-03-01T00:00:00Z", "window_end": "2026-03-03T01:00:00+01:00"}
    run = run_dag(dag, day_after(9), conf)
    assert run.state == "success", run.log
    assert set(saved()) == {"early", *(tenant for tenant, *_ in MARCH_2)}


@pytest.mark.skipif(not AIRFLOW_3, reason="every run of Airflow 2 has a data interval")
def test_a_run_without_an_interval_says_what_to_do(dag, run_dag, explo_connection):
    run = run_dag(dag, None)
    assert run.state == "failed"
    assert "window_start and window_end" in run.log
    assert explo_connection.request_count == 0


def test_in_chunks_every_tenant_is_in_exactly_one(chunks, run_dag, sign_up, saved, explo_connection, monkeypatch):
    moment = datetime(2026, 3, 2, tzinfo=timezone.utc)
    settings = chunks.task_dict["queries"].python_callable.__globals__
    assert settings["TENANTS_A_CHUNK"] == 2500
    monkeypatch.setitem(settings, "TENANTS_A_CHUNK", 50)
    count = 120
    with_explo = [(f"t{number}", "T", (moment + timedelta(minutes=7 * number)).isoformat()) for number in range(count)]
    sign_up(*with_explo)
    conf = {"window_start": "2026-03-02T00:00:00Z", "window_end": "2026-03-04T00:00:00Z"}
    run = run_dag(chunks, None if AIRFLOW_3 else day_after(9), conf)
    assert run.state == "success", run.log
    counts = [run.xcom(("onboard", index))["created"] for index in range(3)]
    assert counts == [50, 50, 20]
    assert explo_connection.request_count == count
    assert len(saved()) == count


def test_the_query_in_xcom_holds_times_and_nothing_of_a_tenant(dag, run_dag, sign_up, explo_connection):
    sign_up(("x'; DROP TABLE tenants; --", "N", "2026-03-02T10:00:00Z"))
    run = run_dag(dag, day_after(2))
    sql = run.xcom("query")
    assert sql.endswith("ORDER BY tenant_id")
    assert "DROP" not in json.dumps(sql)
