"""ExploUpdateUserGroupOperator in real DAG runs against the emulator."""

from __future__ import annotations

from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_explo.operators.explo import ExploUpdateUserGroupOperator
from tests.conftest import metadata_rows_with
from tests.operators.conftest import paths

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def acme(explo_connection):
    return explo_connection.add(provided_id="acme", name="Acme", properties={"plan": "gold"})


@pytest.fixture
def update(run_operator):
    return lambda **arguments: run_operator(ExploUpdateUserGroupOperator, **{"user_group_id": "acme", **arguments})


def test_what_is_given_is_sent_and_the_response_is_under_user_group(update, explo_connection, acme):
    run = update(name="Acme AG", mapping={"40": "213"})
    assert run.state == "success"
    (request,) = explo_connection.requests
    assert request.path == "/api/update_user_group/"
    assert request.body == {"user_group_id": "acme", "name": "Acme AG", "mapping": {"40": "213"}}
    assert run.xcom("task") == "acme"
    response = run.xcom("task", "user_group")
    assert (response["name"], response["properties"], response["drift"]) == ("Acme AG", {"plan": "gold"}, [])
    assert run.xcom("task", "user_group_page").endswith("/user_groups/acme")
    assert "tenant 'acme': user group updated: name, mapping" in run.log
    assert metadata_rows_with(acme.token) == set()
    assert acme.token not in run.log


def test_with_a_token_table_the_row_is_unsettled(update, acme, save_token, saved):
    save_token(acme)
    assert update(name="Acme AG", token_conn_id="warehouse").state == "success"
    assert saved() == {"acme": ("Acme AG", acme.token, "1:aa?")}


def test_a_token_table_that_is_not_there_is_not_made(update, acme, warehouse):
    assert update(name="Acme AG", token_conn_id="warehouse").state == "success"
    assert b"explo_user_groups" not in warehouse.read_bytes()


def test_every_field_of_the_customer_api(update, explo_connection, acme, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(api="customer"))
    explo_connection.add(provided_id="holding", name="Holding")
    explo_connection.add_tag("beta")
    fields = {
        "is_demo_group": True,
        "emails": '["a@example.com"]',
        "group_tags": ["beta"],
        "hierarchy_level_name": "User",
        "parent_provided_id": "holding",
    }
    run = update(**fields)
    assert run.state == "success"
    group = explo_connection.groups[0]
    assert (group.is_demo_group, group.emails, group.group_tags) == (True, ["a@example.com"], ["beta"])
    assert (group.hierarchy_level, group.parent_provided_id) == ("User", "holding")


@pytest.mark.parametrize("native", [False, True])
def test_templates_render_and_ids_stay_text(update, explo_connection, native):
    explo_connection.add(provided_id="2024_001", name="Acme")
    run = update(
        dag_arguments={
            "params": {"id": "2024_001", "name": "1e5", "properties": {"a": 1}},
            "render_template_as_native_obj": native,
        },
        user_group_id="{{ params.id }}",
        name="{{ params.name }}",
        properties="{{ params.properties | tojson }}",
    )
    assert run.state == "success"
    assert explo_connection.requests[0].body == {
        "user_group_id": "2024_001",
        "name": "1e5",
        "properties": {"a": 1},
    }


def test_mapped_tenants_are_data_and_no_templates(run_dag, explo_connection, acme):
    with DAG("mapped", start_date=datetime(2024, 1, 1), schedule=None) as dag:

        @task
        def changes():
            return [{"user_group_id": "acme", "name": "{{ conn.explo_default.password }}"}]

        ExploUpdateUserGroupOperator.partial(task_id="task").expand_kwargs(changes())
    assert run_dag(dag).state == "success"
    assert explo_connection.groups[0].name == "{{ conn.explo_default.password }}"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"user_group_id": " ", "name": "Acme"}, "$.user_group_id"),
        ({"name": ""}, "$.name"),
        ({"mapping": {"forty": "1"}}, "$.mapping.forty"),
        ({"properties": {"a": float("nan")}}, "$.properties.a"),
        ({"properties": {"plan": "lead"}, "properties_schema": {"properties": {"plan": {"enum": ["gold"]}}}}, "plan"),
        ({"properties": "null"}, "nothing to update"),
        ({"emails": ["a@example.com"]}, "api 'embed' cannot carry emails"),
    ],
)
def test_mistakes_are_reported_before_any_request_and_not_retried(update, explo_connection, acme, arguments, place):
    run = update(**arguments)
    assert run.state == "failed"
    assert run.task_instances["task"].try_number == 1
    assert place in run.log
    assert explo_connection.request_count == 0


def test_a_schema_says_nothing_of_a_field_that_is_not_given(update, acme):
    assert update(name="Acme AG", properties_schema={"required": ["plan"]}).state == "success"


def test_nothing_to_update_is_refused_while_the_dag_is_parsed():
    with pytest.raises(ValueError, match="nothing to update"):
        ExploUpdateUserGroupOperator(task_id="task", user_group_id="acme")


def test_a_tenant_that_is_not_there_fails_at_once(update, explo_connection):
    run = update(name="Acme AG")
    assert run.state == "failed"
    assert run.task_instances["task"].try_number == 1
    assert "tenant 'acme': no user group in Explo to update" in run.log
    assert paths(explo_connection) == ["update_user_group", "get_customer", "customers"]
