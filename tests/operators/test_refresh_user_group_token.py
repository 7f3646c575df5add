"""ExploRefreshUserGroupTokenOperator in real DAG runs against the emulator."""

from __future__ import annotations

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.explo import ExploRefreshUserGroupTokenOperator
from airflow_provider_explo.sync.shutdown import ShutdownError
from tests.conftest import metadata_rows_with
from tests.errors import failure
from tests.operators.conftest import killed_when, paths

pytestmark = pytest.mark.usefixtures("airflow_home")
GET, REFRESH = "get_customer", "refresh_user_group_token"


@pytest.fixture
def acme(explo_connection):
    return explo_connection.add(provided_id="acme", name="Acme")


@pytest.fixture
def refresh(run_operator):
    return lambda **arguments: run_operator(
        ExploRefreshUserGroupTokenOperator, **{"user_group_id": "acme", **arguments}
    )


def test_the_new_token_is_the_return_value_and_nowhere_else(refresh, explo_connection, acme):
    run = refresh()
    assert run.state == "success"
    (group,) = explo_connection.groups
    assert acme.token != run.xcom("task") == group.token
    assert run.xcom("task", "user_group_page").endswith("/user_groups/acme")
    assert "tenant 'acme': token refreshed" in run.log
    assert metadata_rows_with(group.token) == {("xcom", "value")}
    assert metadata_rows_with(acme.token) == set()
    assert group.token not in run.log
    assert acme.token not in run.log
    assert paths(explo_connection) == [GET, REFRESH, GET]


def test_with_a_token_table_it_is_saved_there_and_the_id_is_returned(
    refresh, explo_connection, acme, save_token, saved
):
    save_token(acme)
    run = refresh(token_conn_id="warehouse")
    (group,) = explo_connection.groups
    assert run.xcom("task") == "acme"
    assert saved() == {"acme": ("Acme", group.token, "1:aa")}
    assert metadata_rows_with(group.token) == set()
    assert group.token not in run.log


def test_a_table_that_is_missing_is_made(refresh, explo_connection, acme, warehouse, saved):
    assert refresh(token_conn_id="warehouse").state == "success"
    assert saved()["acme"][1] == explo_connection.groups[0].token


def test_a_lost_response_is_no_failure(refresh, explo_connection, acme, save_token, saved):
    save_token(acme)
    explo_connection.inject(Fault("close_after", path=REFRESH))
    run = refresh(token_conn_id="warehouse")
    assert run.state == "success"
    assert run.task_instances["task"].try_number == 1
    assert saved()["acme"][1] == explo_connection.groups[0].token != acme.token
    assert paths(explo_connection) == [GET, REFRESH, GET, GET]


def test_a_tenant_that_is_not_there_fails_at_once(refresh, explo_connection):
    run = refresh()
    assert run.state == "failed"
    assert run.task_instances["task"].try_number == 1
    assert "tenant 'acme': no user group in Explo to refresh the token of" in run.log
    assert paths(explo_connection) == [GET, "customers"]


@pytest.mark.parametrize(("arguments", "words"), [({"user_group_id": ""}, "$.user_group_id"), ({"token": ""}, "blank")])
def test_mistakes_are_reported_before_any_request(refresh, explo_connection, arguments, words):
    run = refresh(**arguments)
    assert run.state == "failed"
    assert words in run.log
    assert explo_connection.request_count == 0


def test_a_table_that_cannot_be_used_is_noticed_before_the_token_is_dead(refresh, explo_connection, acme, warehouse):
    run = refresh(token_conn_id="warehouse", token_table="tenants")
    assert run.state == "failed"
    assert "has no column" in run.log
    assert explo_connection.request_count == 0


def test_on_kill_lets_a_refresh_in_flight_be_saved(explo_connection, acme, save_token, saved):
    save_token(acme)
    explo_connection.inject(Fault("slow", seconds=0.5, path=REFRESH))
    operator = ExploRefreshUserGroupTokenOperator(task_id="task", user_group_id="acme", token_conn_id="warehouse")
    with killed_when(operator, lambda: REFRESH in paths(explo_connection)):
        error = failure(lambda: operator.execute({}))
    assert type(error) is ShutdownError
    assert saved()["acme"][1] == explo_connection.groups[0].token != acme.token
