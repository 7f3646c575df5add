"""explo_onboard_new_tenants, run for real against the emulator and an SQLite warehouse."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.conftest import AIRFLOW_3, metadata_rows_with

DAG_ID = "explo_onboard_new_tenants"
CREATE = "onboard.create_user_group"


def day_after(day: int) -> datetime:
    """The date of a manual run, which covers the day that ended then."""
    return datetime(2026, 3, day + 1, tzinfo=timezone.utc)


@pytest.fixture
def dag(example):
    return example(DAG_ID)


def test_a_days_tenants_get_their_groups_and_their_tokens_are_saved(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(
        ("acme", 'Acme "GmbH" {{ 1 + 1 }}', "2026-03-02T09:00:00Z", '{"40": "213"}', '{"plan": "gold"}'),
        ("2024_001", "'Büro' 日本 🎉", "2026-03-02 10:00:00"),
    )
    run = run_dag(dag, day_after(2))
    assert run.state == "success"
    groups = {group.provided_id: group for group in explo_connection.groups}
    assert {(group.provided_id, group.name) for group in groups.values()} == {
        ("acme", 'Acme "GmbH" {{ 1 + 1 }}'),
        ("2024_001", "'Büro' 日本 🎉"),
    }
    assert groups["acme"].mapping == {"40": "213"}
    assert groups["acme"].properties == {"plan": "gold"}
    assert {tenant: row["token"] for tenant, row in saved().items()} == {
        tenant: group.token for tenant, group in groups.items()
    }
    assert all(row["content_hash"].startswith("1:") for row in saved().values())


def test_no_token_reaches_the_log_or_the_metadata_database_outside_its_xcom(
    dag, run_dag, sign_up, saved, explo_connection
):
    sign_up(("acme", "Acme", "2026-03-02T09:00:00Z", '{"40": "213"}', '{"plan": "gold"}'))
    run = run_dag(dag, day_after(2))
    (group,) = explo_connection.groups
    assert "user group created" in run.log
    for secret in (group.token, explo_connection.token):
        assert secret not in run.log
    assert metadata_rows_with(group.token) == {("xcom", "value")}
    assert metadata_rows_with(explo_connection.token) == set()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-02T00:00:00Z", 2),
        ("2026-03-02 00:00:00", 2),
        ("2026-03-02T23:59:59.999999+00:00", 2),
        ("2026-03-03T00:00:00", 3),
        ("2026-03-03T01:30:00+02:00", 2),
        ("2026-03-02T23:00:00-05:00", 3),
    ],
)
def test_a_boundary_belongs_to_exactly_one_day(dag, run_dag, sign_up, saved, explo_connection, moment, day):
    sign_up(("acme", "Acme", moment))
    onboarded_on = []
    for candidate in (1, 2, 3):
        before = explo_connection.request_count
        assert run_dag(dag, day_after(candidate)).state == "success"
        if explo_connection.request_count > before:
            onboarded_on.append(candidate)
    assert onboarded_on == [day]
    assert set(saved()) == {"acme"}


def test_a_day_without_signups_is_a_success_without_calls(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-03-05T00:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.state == "success"
    assert explo_connection.request_count == 0
    assert saved() == {}


def test_running_a_day_again_changes_nothing(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-03-02T09:00:00Z", '{"40": "213"}', '{"plan": "gold"}'), ("b", "B", "2026-03-02"))
    assert run_dag(dag, day_after(2)).state == "success"
    first = saved()
    assert run_dag(dag, day_after(2)).state == "success"
    assert saved() == first
    assert len(explo_connection.groups) == 2


def test_a_bad_tenant_fails_alone_and_says_why(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(
        ("bad", " ", "2026-03-02T09:00:00Z", '{"forty": ""}', "{'a': 1}"),
        ("good", "Good", "2026-03-02T09:00:00Z"),
        ("good-too", "Good Too", "2026-03-02T09:00:00Z"),
    )
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert set(saved()) == {"good", "good-too"}
    assert explo_connection.request_count == 2
    for words in ("Tenant 'bad'", "$.name", "$.mapping.forty", "$.properties", "tojson"):
        assert words in run.log


def test_a_tenant_that_explo_refuses_fails_alone(dag, run_dag, sign_up, saved, explo_connection):
    from airflow_provider_explo.emulator import Fault

    explo_connection.inject(Fault("status", status=400, user_group_id="bad", times=None))
    sign_up(("bad", "Bad", "2026-03-02T09:00:00Z"), ("good", "Good", "2026-03-02T09:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert set(saved()) == {"good"}
    assert "tenant 'bad': POST /embed/create_user_group/: HTTP 400" in run.log


def test_an_unreadable_signup_time_fails_the_run_but_keeps_nobody_else_out(
    dag, run_dag, sign_up, saved, explo_connection
):
    sign_up(("odd", "Odd", "2026-03-02Tmorning"), ("good", "Good", "2026-03-02T09:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert run.states["no_unreadable_signups"] == "failed"
    assert "tenant 'odd': signed_up_at is '2026-03-02Tmorning'" in run.log
    assert set(saved()) == {"good"}


def test_a_window_from_params_stands_in_for_the_data_interval(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("early", "Early", "2026-01-01T00:00:00Z"), ("late", "Late", "2026-03-01T00:00:00Z"))
    window = {"window_start": "2026-01-01T00:00:00Z", "window_end": "2026-03-01T00:00:00Z"}
    assert run_dag(dag, day_after(20), conf=window).state == "success"
    assert set(saved()) == {"early"}


@pytest.mark.parametrize(
    "window",
    [
        {"window_start": "2026-01-01T00:00:00Z"},
        {"window_start": "2026-02-01T00:00:00Z", "window_end": "2026-01-01T00:00:00Z"},
    ],
)
def test_half_a_window_or_an_empty_one_is_refused(dag, run_dag, sign_up, explo_connection, window):
    sign_up(("acme", "Acme", "2026-01-15T00:00:00Z"))
    run = run_dag(dag, day_after(20), conf=window)
    assert run.state == "failed"
    assert "This run has no window of time" in run.log
    assert explo_connection.request_count == 0


@pytest.mark.skipif(not AIRFLOW_3, reason="every run of Airflow 2 has a data interval")
def test_a_run_without_a_data_interval_needs_a_window(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-01-15T00:00:00Z"))
    run = run_dag(dag, None)
    assert run.state == "failed"
    assert "This run has no window of time" in run.log
    window = {"window_start": "2026-01-15T00:00:00Z", "window_end": "2026-01-16T00:00:00Z"}
    assert run_dag(dag, None, conf=window).state == "success"
    assert set(saved()) == {"acme"}


def test_more_tenants_than_airflow_maps_over_are_refused_with_what_to_do(
    dag, run_dag, sign_up, explo_connection, monkeypatch
):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    sign_up(*((f"t{number}", "T", "2026-03-02T09:00:00Z") for number in range(3)))
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert "max_map_length" in run.log
    assert explo_connection.request_count == 0
