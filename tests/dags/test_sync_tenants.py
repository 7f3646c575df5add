"""explo_sync_tenants, run for real against the emulator and an SQLite warehouse."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.conftest import AIRFLOW_3, metadata_rows_with
from tests.dags.conftest import day_after

LIST = "/v2/api/customers/"
TENANTS = [
    ("acme", "Acme GmbH", "2024-01-01T00:00:00Z", '{"40": 213}', '{"plan": "gold"}'),
    ("spaced", "Another form", "2026-03-02 10:00:00"),
    ("odd", "Time unknown", "2026-03-02 at noon"),
    ("{{ 1 + 1 }}", "x'; DROP TABLE tenants; --", "2026-03-02T23:59:59.999999Z"),
]


@pytest.fixture
def dag(example):
    return example("explo_sync_tenants")


@pytest.fixture
def execute(warehouse):
    def statement(sql):
        with closing(sqlite3.connect(warehouse)) as connection, connection:
            return connection.execute(sql).fetchall()

    return statement


def test_all_tenants_are_onboarded_whenever_they_signed_up(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*TENANTS)
    run = run_dag(dag, day_after(2))
    assert run.state == "success", run.log
    assert run.xcom("sync")["created"] == 4
    assert {tenant: row["token"] for tenant, row in saved().items()} == {
        group.provided_id: group.token for group in explo_connection.groups
    }
    assert {(group.provided_id, group.name) for group in explo_connection.groups} == {row[:2] for row in TENANTS}


def test_a_second_sync_asks_for_the_list_alone_and_changes_nothing(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*TENANTS)
    run_dag(dag, day_after(2))
    before = saved()
    explo_connection.clear_requests()
    for day in (2, 5):
        run = run_dag(dag, day_after(day))
        assert run.state == "success"
        assert run.xcom("sync")["unchanged"] == 4
    assert [request.path for request in explo_connection.requests] == [LIST] * 2
    assert saved() == before


def test_changed_and_late_rows_are_picked_up_whatever_the_day(dag, run_dag, sign_up, saved, explo_connection, execute):
    sign_up(*TENANTS)
    run_dag(dag, day_after(2))
    explo_connection.clear_requests()
    execute("UPDATE tenants SET name = 'Acme Inc.' WHERE tenant_id = 'acme'")
    sign_up(("late", "Late", "2026-03-02T23:59:50Z"))
    run = run_dag(dag, day_after(5))
    counts = run.xcom("sync")
    assert (counts["created"], counts["updated"], counts["unchanged"]) == (1, 1, 3)
    groups = {group.provided_id: group for group in explo_connection.groups}
    assert groups["acme"].name == "Acme Inc."
    assert saved()["late"]["token"] == groups["late"].token
    assert [request.path for request in explo_connection.requests].count(LIST) == 1
    assert {request.user_group_id for request in explo_connection.requests if request.path != LIST} == {"acme", "late"}


@pytest.mark.parametrize("other", ["explo_onboard_new_tenants", "explo_onboard_tenant"])
def test_what_another_example_onboarded_costs_the_list_alone(
    dag, example, run_dag, sign_up, saved, explo_connection, other
):
    sign_up(("acme", "Acme", "2026-03-02T10:00:00Z", '{"40": 213}', '{"plan": "gold"}'))
    conf = {"user_group_id": "acme", "name": "Acme", "mapping": {"40": 213}, "properties": {"plan": "gold"}}
    assert run_dag(example(other), day_after(2), conf if other == "explo_onboard_tenant" else None).state == "success"
    before = saved()
    explo_connection.clear_requests()
    run = run_dag(dag, day_after(2))
    assert run.xcom("sync")["unchanged"] == 1
    assert [request.path for request in explo_connection.requests] == [LIST]
    assert saved() == before


def test_a_bad_tenant_stops_no_other_and_is_kept_for_whoever_corrects_it(
    dag, run_dag, sign_up, saved, explo_connection, execute
):
    sign_up(*TENANTS, ("bad", " ", "2026-03-02T10:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.states["sync"] == "failed"
    assert set(saved()) == {tenant for tenant, *_ in TENANTS}
    assert execute("SELECT user_group_id FROM explo_rejects") == [("bad",)]
    explo_connection.clear_requests()
    execute("UPDATE tenants SET name = 'Good' WHERE tenant_id = 'bad'")
    assert run_dag(dag, day_after(2)).state == "success"
    assert [request.path for request in explo_connection.requests] == [LIST, "/embed/create_user_group/"]
    assert "bad" in saved()


def test_no_token_reaches_the_log_or_the_metadata_database(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*TENANTS, ("bad", " ", "2026-03-02T10:00:00Z"))
    run = run_dag(dag, day_after(2))
    tokens = [row["token"] for row in saved().values()]
    assert len(tokens) == 4
    for secret in (*tokens, explo_connection.token):
        assert secret not in run.log
        assert metadata_rows_with(secret) == set()


@pytest.mark.skipif(not AIRFLOW_3, reason="every run of Airflow 2 has a data interval")
def test_it_needs_no_data_interval(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(*TENANTS)
    assert run_dag(dag, None).state == "success"
    assert len(saved()) == 4
