"""explo_onboard_new_tenants, run for real against the emulator and an SQLite warehouse."""

from __future__ import annotations

import re

import pytest

from tests.conftest import AIRFLOW, AIRFLOW_3, metadata_rows_with
from tests.dags.conftest import day_after

DAG_ID = "explo_onboard_new_tenants"


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


def test_no_token_reaches_the_log_or_the_metadata_database(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-03-02T09:00:00Z", '{"40": "213"}', '{"plan": "gold"}'))
    run = run_dag(dag, day_after(2))
    (group,) = explo_connection.groups
    assert saved()["acme"]["token"] == group.token
    assert "user group created" in run.log
    for secret in (group.token, explo_connection.token):
        assert secret not in run.log
        assert metadata_rows_with(secret) == set()


def test_a_tenant_is_data_and_never_a_template(dag, run_dag, sign_up, saved, explo_connection):
    name = "{{ conn.explo_default.password }}"
    sign_up(("{{ 1 + 1 }}", name, "2026-03-02T09:00:00Z", None, '{"plan": "{{ var.value.plan }}"}'))
    run = run_dag(dag, day_after(2))
    assert run.state == "success", run.log
    (group,) = explo_connection.groups
    assert (group.provided_id, group.name) == ("{{ 1 + 1 }}", name)
    assert group.properties == {"plan": "{{ var.value.plan }}"}
    assert explo_connection.token not in str([request.body for request in explo_connection.requests])
    assert explo_connection.token not in run.log
    assert metadata_rows_with(explo_connection.token) == set()


def test_each_task_is_labelled_with_its_tenant(dag, run_dag, sign_up, explo_connection):
    sign_up(("acme", "Acme", "2026-03-02T09:00:00Z"), ("{{ 1 + 1 }}", "Bolt", "2026-03-02T09:00:00Z"))
    run = run_dag(dag, day_after(2))
    instances = [run.task_instances["create_user_group", index] for index in range(2)]
    assert {instance.rendered_map_index for instance in instances} == {"acme", "{{ 1 + 1 }}"}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-02T00:00:00Z", 2),
        ("2026-03-02 00:00:00", 2),
        ("2026-03-02T23:59:59.999999+00:00", 2),
        ("2026-03-02 23:59:59.999999", 2),
        ("2026-03-03T00:00:00", 3),
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


def test_a_day_without_signups_is_a_success_without_requests(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-03-05T00:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.state == "success"
    assert explo_connection.request_count == 0
    assert saved() == {}


def test_running_a_day_again_changes_nothing(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(
        ("acme", "Acme", "2026-03-02T09:00:00Z", '{"40": "213"}', '{"plan": "gold"}'),
        ("b", "B", "2026-03-02 00:00:00"),
    )
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
    for text in ("tenant 'bad'", "$.name", "$.mapping.forty", "$.properties", "tojson"):
        assert text in run.log


def test_a_tenant_that_explo_refuses_fails_alone(dag, run_dag, sign_up, saved, explo_connection):
    from airflow_provider_explo.emulator import Fault

    explo_connection.inject(Fault("status", status=400, user_group_id="bad", times=None))
    sign_up(("bad", "Bad", "2026-03-02T09:00:00Z"), ("good", "Good", "2026-03-02T09:00:00Z"))
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert set(saved()) == {"good"}
    assert "tenant 'bad': POST /embed/create_user_group/: HTTP 400" in run.log


@pytest.mark.skipif(not AIRFLOW_3, reason="every run of Airflow 2 has a data interval")
def test_a_run_without_a_data_interval_fails(dag, run_dag, sign_up, saved, explo_connection):
    sign_up(("acme", "Acme", "2026-01-15T00:00:00Z"))
    run = run_dag(dag, None)
    assert run.state == "failed"
    assert "'data_interval_start' is undefined" in run.log
    assert explo_connection.request_count == 0


def test_more_tenants_than_airflow_maps_over_are_refused(dag, run_dag, sign_up, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    sign_up(*((f"t{number}", "T", "2026-03-02T09:00:00Z") for number in range(3)))
    run = run_dag(dag, day_after(2))
    assert run.state == "failed"
    assert run.states == {"new_tenants": "failed", "create_user_group": "upstream_failed"}
    if AIRFLOW not in ((3, 1), (3, 2)):
        assert re.search("unmappable.return.value.length", run.log)
    assert explo_connection.request_count == 0
