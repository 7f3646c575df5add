"""Which arguments are templates, and which are a tenant's data."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from tests.operators.onboarding import sent

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.mark.parametrize("native", [False, True])
def test_templates_render_and_ids_stay_text(onboard, explo_connection, native):
    params = {"id": "2024_001", "name": "'1e5'", "mapping": {"40": "213"}, "properties": {"a": None, "n": 2**60}}
    run = onboard(
        dag_arguments={"params": params, "render_template_as_native_obj": native},
        user_group_id="{{ params.id }}",
        name="{{ params.name }}",
        mapping="{{ params.mapping | tojson }}",
        properties="{{ params.properties | tojson }}",
    )
    assert run.state == "success"
    assert sent(explo_connection) == {
        "user_group_id": "2024_001",
        "name": "'1e5'",
        "mapping": {"40": "213"},
        "properties": {"a": None, "n": 2**60},
    }


def test_a_native_object_from_a_template_is_taken_as_it_is(onboard, explo_connection):
    arguments = {"params": {"mapping": {"40": 213}}, "render_template_as_native_obj": True}
    assert onboard(dag_arguments=arguments, mapping="{{ params.mapping }}").state == "success"
    assert sent(explo_connection)["mapping"] == {"40": 213}


def test_without_native_rendering_a_python_dict_in_text_is_refused_with_the_remedy(onboard, explo_connection):
    run = onboard(dag_arguments={"params": {"mapping": {"40": "213"}}}, mapping="{{ params.mapping }}")
    assert run.state == "failed"
    assert "tojson" in run.log
    assert explo_connection.request_count == 0


def test_the_connection_id_is_templated(onboard, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_TEST", explo_connection.connection_json())
    run = onboard(dag_arguments={"params": {"which": "test"}}, explo_conn_id="explo_{{ params.which }}")
    assert run.state == "success"


def test_mapped_tenants_are_data_and_no_templates(run_dag, explo_connection):
    tenants = [
        {
            "user_group_id": "a",
            "name": "{{ conn.explo_default.password }}",
            "properties": {"text": "{{ ds }} {% raw %}"},
        },
        {"user_group_id": "2024_001", "name": "B", "mapping": {"40": 213}},
    ]
    with DAG("mapped", start_date=datetime(2024, 1, 1), schedule=None) as dag:

        @task
        def pull():
            return tenants

        ExploCreateUserGroupOperator.partial(task_id="create").expand_kwargs(pull())
    run = run_dag(dag)
    assert run.state == "success"
    assert sorted((request.body for request in explo_connection.requests), key=json.dumps) == sorted(
        tenants, key=json.dumps
    )
    tokens = {group.provided_id: group.token for group in explo_connection.groups}
    assert [run.xcom(("create", index)) for index in (0, 1)] == [tokens["a"], tokens["2024_001"]]


@pytest.mark.parametrize("native", [False, True])
def test_what_the_author_maps_over_may_hold_templates(run_dag, explo_connection, native):
    arguments = {"render_template_as_native_obj": native, "params": {"id": "2024_001"}}
    with DAG("literal", start_date=datetime(2024, 1, 1), schedule=None, **arguments) as dag:
        ExploCreateUserGroupOperator.partial(task_id="create", name="{{ params.id }}").expand_kwargs(
            [{"user_group_id": "{{ params.id }}"}, {"user_group_id": "b"}]
        )
    assert run_dag(dag).state == "success"
    assert {(request.body["user_group_id"], request.body["name"]) for request in explo_connection.requests} == {
        ("2024_001", "2024_001"),
        ("b", "2024_001"),
    }


def test_partial_templates_render_beside_mapped_data(run_dag, explo_connection):
    with DAG("both", start_date=datetime(2024, 1, 1), schedule=None, params={"id": "2024_001"}) as dag:

        @task
        def names():
            return ["{{ params.id }}", "B"]

        @task
        def ids():
            return [{"user_group_id": "{{ ds }}"}]

        ExploCreateUserGroupOperator.partial(task_id="expand", user_group_id="x{{ params.id }}").expand(name=names())
        ExploCreateUserGroupOperator.partial(task_id="kwargs", name="{{ params.id }}").expand_kwargs(ids())
    assert run_dag(dag).state == "success"
    assert {(request.body["user_group_id"], request.body["name"]) for request in explo_connection.requests} == {
        ("x2024_001", "{{ params.id }}"),
        ("x2024_001", "B"),
        ("{{ ds }}", "2024_001"),
    }


@pytest.mark.parametrize("native", [False, True])
def test_xcomargs_work_as_arguments(run_dag, explo_connection, native):
    with DAG("args", start_date=datetime(2024, 1, 1), schedule=None, render_template_as_native_obj=native) as dag:

        @task
        def an_id():
            return "2024_001"

        @task
        def some_properties():
            return {"text": "{{ ds }}", "list": [1, "2"]}

        ExploCreateUserGroupOperator(task_id="create", user_group_id=an_id(), name="A", properties=some_properties())
    assert run_dag(dag).state == "success"
    assert sent(explo_connection)["user_group_id"] == "2024_001"
    assert sent(explo_connection)["properties"] == {"text": "{{ ds }}", "list": [1, "2"]}
