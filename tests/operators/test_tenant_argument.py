"""ExploCreateUserGroupOperator(tenant=…): all fields at once, as plain data that is never rendered."""

from __future__ import annotations

from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

pytestmark = pytest.mark.usefixtures("airflow_home")
TEMPLATE = "{{ conn.explo_default.password }}"
ACME = {"user_group_id": "acme", "name": TEMPLATE, "mapping": '{"40": "213"}', "properties": {"text": "{{ ds }}"}}
BETA = {"user_group_id": "2024_001", "name": "Beta"}
SENT = {**ACME, "mapping": {"40": "213"}}


@task
def new_tenants():
    return [ACME, BETA]


@task
def new_tenant():
    return ACME


def bodies(emulator):
    return sorted((request.body for request in emulator.requests), key=lambda body: body["user_group_id"])


@pytest.mark.parametrize("native", [False, True])
def test_mapping_over_tenants_sends_them_as_they_are(run_dag, explo_connection, native):
    with DAG("expand", start_date=datetime(2024, 1, 1), schedule=None, render_template_as_native_obj=native) as dag:
        ExploCreateUserGroupOperator.partial(task_id="create").expand(tenant=new_tenants())
    run = run_dag(dag)
    assert run.state == "success"
    assert bodies(explo_connection) == [BETA, SENT]


def test_a_literal_list_is_data_too(run_dag, explo_connection):
    with DAG("literal", start_date=datetime(2024, 1, 1), schedule=None) as dag:
        ExploCreateUserGroupOperator.partial(task_id="create", if_exists="update").expand(tenant=[ACME, BETA])
    assert run_dag(dag).state == "success"
    assert bodies(explo_connection) == [BETA, SENT]


def test_one_tenant_as_it_is_and_from_an_xcom(run_dag, explo_connection):
    with DAG("one", start_date=datetime(2024, 1, 1), schedule=None) as dag:
        ExploCreateUserGroupOperator(task_id="plain", tenant=BETA)
        ExploCreateUserGroupOperator(task_id="pulled", tenant=new_tenant())
    assert dag.task_dict["pulled"].upstream_task_ids == {"new_tenant"}
    assert run_dag(dag).state == "success"
    assert bodies(explo_connection) == [BETA, SENT]


@pytest.mark.parametrize(
    ("tenant", "parts"),
    [
        (
            {**BETA, "mappings": {}, "e-mail": "x"},
            ("unknown fields", "found: e-mail, mappings"),
        ),
        ({"name": "Beta"}, ("$.user_group_id",)),
        ({**BETA, "name": "", "mapping": "{'40': 1}"}, ("$.name", "$.mapping")),
    ],
)
def test_a_bad_tenant_fails_before_any_request(run_dag, explo_connection, tenant, parts):
    with DAG("bad", start_date=datetime(2024, 1, 1), schedule=None) as dag:
        ExploCreateUserGroupOperator(task_id="create", tenant=tenant, retries=2)
    run = run_dag(dag)
    assert run.states["create"] == "failed"
    assert run.task_instances["create"].try_number == 1
    for part in parts:
        assert part in run.log
    assert explo_connection.request_count == 0


def test_one_bad_tenant_of_many_fails_alone(run_dag, explo_connection):
    with DAG("some", start_date=datetime(2024, 1, 1), schedule=None) as dag:
        ExploCreateUserGroupOperator.partial(task_id="create").expand(tenant=[BETA, {**ACME, "name": ""}])
    run = run_dag(dag)
    assert (run.states["create", 0], run.states["create", 1]) == ("success", "failed")
    assert bodies(explo_connection) == [BETA]


@pytest.mark.parametrize("field", [{"user_group_id": "acme"}, {"properties": {}}])
def test_a_tenant_and_single_fields_exclude_each_other(field):
    with pytest.raises(ValueError, match=next(iter(field))):
        ExploCreateUserGroupOperator(task_id="create", tenant=BETA, **field)


def test_a_tenant_of_another_kind_from_an_xcom_fails_at_once(run_dag, explo_connection):
    with DAG("other", start_date=datetime(2024, 1, 1), schedule=None) as dag:

        @task
        def not_a_tenant():
            return "acme"

        ExploCreateUserGroupOperator(task_id="create", tenant=not_a_tenant(), retries=2)
    run = run_dag(dag)
    assert (run.states["create"], run.task_instances["create"].try_number) == ("failed", 1)
    assert "tenant: expected a mapping with a tenant's fields, found 'acme'" in run.log


@pytest.mark.parametrize("tenant", ["acme", 7, [BETA]])
def test_a_tenant_of_another_kind_is_refused_when_the_dag_is_parsed(tenant):
    with pytest.raises(TypeError, match="tenant: expected a mapping"):
        ExploCreateUserGroupOperator(task_id="create", tenant=tenant)
