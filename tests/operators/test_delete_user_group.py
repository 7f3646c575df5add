"""ExploDeleteUserGroupOperator in real DAG runs against the emulator."""

from __future__ import annotations

from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.explo import ExploDeleteUserGroupOperator
from airflow_provider_explo.sync.shutdown import ShutdownError
from tests.conftest import metadata_rows_with
from tests.errors import failure
from tests.operators.conftest import killed_when, paths

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def acme(explo_connection):
    return explo_connection.add(provided_id="acme", name="Acme")


@pytest.fixture
def delete(run_operator):
    return lambda **arguments: run_operator(ExploDeleteUserGroupOperator, **{"user_group_id": "acme", **arguments})


def test_group_and_row_are_gone(delete, explo_connection, acme, save_token, saved):
    save_token(acme)
    save_token(explo_connection.add(provided_id="bolt", name="Bolt"))
    run = delete(token_conn_id="warehouse")
    assert run.state == "success"
    assert run.xcom("task") == "acme"
    assert run.xcom("task", "user_group_page").endswith("/user_groups/acme")
    assert "tenant 'acme': user group deleted" in run.log
    assert [group.provided_id for group in explo_connection.groups] == ["bolt"]
    assert saved().keys() == {"bolt"}
    assert paths(explo_connection) == ["get_customer", "delete_user_group"]


def test_twice_the_second_time_says_that_there_was_nothing(delete, explo_connection, acme, warehouse):
    delete(token_conn_id="warehouse")
    run = delete(token_conn_id="warehouse")
    assert run.state == "success"
    assert "tenant 'acme': no user group in Explo; nothing to delete" in run.log


def test_a_token_from_an_xcom_stays_out_of_log_and_database(run_dag, explo_connection, acme):
    with DAG("token", start_date=datetime(2024, 1, 1), schedule=None, render_template_as_native_obj=True) as dag:

        @task(show_return_value_in_logs=False)
        def token():
            return acme.token

        ExploDeleteUserGroupOperator(task_id="task", user_group_id="acme", token=token())
    run = run_dag(dag)
    assert run.state == "success"
    assert paths(explo_connection) == ["get_customer", "delete_user_group"]
    assert metadata_rows_with(acme.token) == {("xcom", "value")}
    assert acme.token not in run.log


def test_templates_render_and_ids_stay_text(delete, explo_connection):
    explo_connection.add(provided_id="2024_001", name="Acme")
    arguments = {"params": {"id": "2024_001"}, "render_template_as_native_obj": True}
    assert delete(dag_arguments=arguments, user_group_id="{{ params.id }}").state == "success"
    assert explo_connection.groups == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"user_group_id": " "}, "$.user_group_id"), ({"token": " "}, "blank"), ({"user_group_id": "\ud800"}, "$.user")],
)
def test_mistakes_are_reported_before_any_request(delete, explo_connection, arguments, words):
    run = delete(**arguments)
    assert run.state == "failed"
    assert run.task_instances["task"].try_number == 1
    assert words in run.log
    assert explo_connection.request_count == 0


def test_a_tenant_with_children_fails_at_once(delete, explo_connection, acme, save_token, saved):
    save_token(acme)
    explo_connection.add(provided_id="team", name="Team", parent_provided_id="acme", hierarchy_level_name="User")
    run = delete(token_conn_id="warehouse")
    assert run.state == "failed"
    assert run.task_instances["task"].try_number == 1
    assert "tenant 'acme': has children" in run.log
    assert "'team'" in run.log
    assert saved().keys() == {"acme"}


def test_a_row_of_another_connection_is_an_error_that_names_both(delete, explo_connection, acme, save_token, saved):
    save_token(acme, explo_conn_id="explo_testing")
    run = delete(token_conn_id="warehouse")
    assert run.state == "failed"
    assert "'explo_testing'" in run.log
    assert "'explo_default'" in run.log
    assert explo_connection.request_count == 0
    assert saved().keys() == {"acme"}


def test_on_kill_ends_it_although_explo_hangs(explo_connection, acme, monkeypatch):
    monkeypatch.setattr("airflow_provider_explo.sync.shutdown.GRACE_SECONDS", 0.2)
    explo_connection.inject(Fault("slow", seconds=60, path="delete"))
    operator = ExploDeleteUserGroupOperator(task_id="task", user_group_id="acme", token=acme.token)
    with killed_when(operator, lambda: explo_connection.request_count == 2):
        error = failure(lambda: operator.execute({}))
    assert type(error) is ShutdownError
