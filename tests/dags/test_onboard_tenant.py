"""explo_onboard_tenant, run for real against the emulator."""

from __future__ import annotations

import pytest

from tests.conftest import metadata_rows_with

TENANT = {
    "user_group_id": "2024_001",
    "name": 'O\'Reilly & "Söhne" <b>',
    "mapping": {"40": "213", "134": 386},
    "properties": {"plan": "gold", "seats": 9007199254740993, "nested": {"a": [None, True]}},
}


@pytest.fixture
def dag(example):
    return example("explo_onboard_tenant")


def test_the_tenant_in_conf_is_onboarded_and_its_token_saved(dag, run_dag, saved, explo_connection):
    run = run_dag(dag, conf=TENANT)
    assert run.state == "success"
    (group,) = explo_connection.groups
    assert (group.provided_id, group.name) == (TENANT["user_group_id"], TENANT["name"])
    assert group.properties == TENANT["properties"]
    assert {key: str(value) for key, value in group.mapping.items()} == {"40": "213", "134": "386"}
    assert saved()["2024_001"]["token"] == group.token
    assert group.token not in run.log
    assert metadata_rows_with(group.token) == set()
    assert metadata_rows_with(explo_connection.token) == set()


def test_a_tenant_is_data_and_never_a_template(dag, run_dag, saved, explo_connection):
    name = "{{ conn.explo_default.password }}"
    run = run_dag(dag, conf={"user_group_id": "{{ 1 + 1 }}", "name": name, "properties": {"plan": "{{ 1 + 1 }}"}})
    assert run.state == "success"
    (group,) = explo_connection.groups
    assert (group.provided_id, group.name, group.properties) == ("{{ 1 + 1 }}", name, {"plan": "{{ 1 + 1 }}"})
    assert set(saved()) == {"{{ 1 + 1 }}"}
    assert metadata_rows_with(explo_connection.token) == set()


def test_mapping_and_properties_are_optional(dag, run_dag, saved, explo_connection):
    assert run_dag(dag, conf={"user_group_id": "acme", "name": "Acme"}).state == "success"
    assert set(explo_connection.requests[0].body) == {"user_group_id", "name"}
    assert set(saved()) == {"acme"}


def test_a_misspelt_field_fails_before_any_request(dag, run_dag, explo_connection):
    run = run_dag(dag, conf={"user_group_id": "acme", "name": "Acme", "propertis": {"plan": "gold"}})
    assert run.state == "failed"
    assert "propertis" in run.log
    assert explo_connection.request_count == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_group_id", ""),
        ("user_group_id", 42),
        ("name", " "),
        ("name", "x" * 256),
        ("mapping", {"forty": "213"}),
        ("mapping", {"40": ""}),
        ("mapping", {"40": 0}),
        ("properties", []),
    ],
)
def test_bad_input_is_refused_when_the_run_is_made(dag, run_dag, explo_connection, field, value):
    from airflow.providers.common.compat.sdk import ParamValidationError

    from tests.conftest import AIRFLOW_3

    errors = (ParamValidationError, ValueError) if AIRFLOW_3 else Exception
    with pytest.raises(errors, match=field):
        run_dag(dag, conf={**TENANT, field: value})
    assert explo_connection.request_count == 0


def test_a_required_field_is_required(dag, run_dag, explo_connection):
    with pytest.raises(Exception, match="name"):
        run_dag(dag, conf={"user_group_id": "acme"})
    assert explo_connection.request_count == 0
