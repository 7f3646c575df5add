"""ExploCreateUserGroupOperator in real DAG runs against the emulator."""

from __future__ import annotations

from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import ExploRateLimitError, ExploUnavailableError
from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from tests.conftest import metadata_rows_with
from tests.errors import everything_shown
from tests.operators.onboarding import TENANT, dag_with, sent

pytestmark = pytest.mark.usefixtures("airflow_home")


def test_the_token_is_the_return_value_and_the_rest_stands_under_user_group(onboard, explo_connection):
    run = onboard()
    (group,) = explo_connection.groups
    assert run.xcom("create") == group.token
    rest = run.xcom("create", "user_group")
    assert rest == {
        "provided_id": "acme",
        "name": "Acme",
        "team_id": 3,
        "properties": {"plan": "gold"},
        "api_environment_tag": "Customer",
        "new_user_group": True,
        "drift": [],
    }
    assert metadata_rows_with(group.token) == {("xcom", "value")}
    assert group.token not in run.log


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(
    ("bad", "place"),
    [({"properties": {"a": float("nan")}}, "$.properties.a"), ({"name": "\ud800"}, "$.name")],
)
def test_what_airflow_itself_cannot_send_is_told_with_the_other_mistakes_and_not_retried(
    run_dag, explo_connection, bad, place, native
):
    dag = dag_with(
        dag_arguments={"render_template_as_native_obj": native}, **{"user_group_id": " ", "retries": 2, **bad}
    )
    run = run_dag(dag)
    assert run.states["create"] == "failed"
    assert run.task_instances["create"].try_number == 1
    assert place in run.log
    assert "$.user_group_id" in run.log
    assert explo_connection.request_count == 0


def test_every_mistake_is_reported_at_once_before_any_call(onboard, explo_connection):
    run = onboard(user_group_id=" ", name="", mapping={"forty": "", "41": True}, properties={"since": datetime.now()})
    assert run.states["create"] == "failed"
    assert explo_connection.request_count == 0
    for path in ("$.user_group_id", "$.name", "$.mapping.forty", "$.mapping['41']", "$.properties"):
        assert path in run.log


def test_an_existing_group_is_kept_and_drift_is_told(onboard, explo_connection):
    onboard()
    run = onboard(name="Acme AG", properties={"plan": "silver"})
    assert run.state == "success"
    rest = run.xcom("create", "user_group")
    assert (rest["new_user_group"], rest["drift"]) == (False, ["name", "properties"])
    assert (rest["name"], rest["properties"]) == ("Acme", {"plan": "gold"})
    assert "differs from what was asked in: name, properties" in run.log
    assert explo_connection.request_count == 2
    assert run.xcom("create") == explo_connection.groups[0].token


def test_an_existing_group_as_asked_has_no_drift_and_no_warning(onboard, explo_connection):
    onboard()
    run = onboard()
    assert run.xcom("create", "user_group")["drift"] == []
    assert "differs" not in run.log


def test_update_sends_the_difference(onboard, explo_connection):
    onboard(mapping=None)
    run = onboard(mapping=None, name="Acme AG", if_exists="update")
    assert run.state == "success"
    assert explo_connection.requests[-1].path == "/api/update_user_group/"
    assert sent(explo_connection) == {"user_group_id": "acme", "name": "Acme AG"}
    rest = run.xcom("create", "user_group")
    assert (rest["name"], rest["new_user_group"], rest["drift"]) == ("Acme AG", False, ["name"])
    assert "user group updated: name" in run.log
    assert "differs" not in run.log
    assert run.xcom("create") == explo_connection.groups[0].token


def test_update_sends_a_mapping_that_the_answer_does_not_show(onboard, explo_connection):
    onboard()
    onboard(mapping={"40": "999"}, if_exists="update")
    assert sent(explo_connection) == {"user_group_id": "acme", "mapping": {"40": "999"}}
    assert explo_connection.groups[0].mapping == {"40": "999"}


def test_with_the_customer_api_a_mapping_is_compared_and_not_sent_in_vain(onboard, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(api="customer"))
    onboard()
    assert onboard(mapping={"40": "999"}).xcom("create", "user_group")["drift"] == ["mapping"]
    before = explo_connection.request_count
    onboard(if_exists="update", mapping={"40": 213})
    assert explo_connection.request_count == before + 1


def test_fail_refuses_an_existing_group(onboard, explo_connection):
    assert onboard(if_exists="fail").state == "success"
    run = onboard(if_exists="fail")
    assert run.state == "failed"
    assert "user group already exists, and if_exists is 'fail'" in run.log


def test_after_a_lost_answer_it_is_unknown_whether_the_group_is_new(onboard, explo_connection):
    explo_connection.inject(Fault("close_after"))
    run = onboard(if_exists="fail")
    assert run.state == "success"
    assert run.xcom("create", "user_group")["new_user_group"] is None
    assert len(explo_connection.groups) == 1


def test_after_a_lost_answer_a_group_that_differs_was_there_before(onboard, explo_connection):
    onboard()
    explo_connection.inject(Fault("close_after"))
    assert onboard(if_exists="fail", name="Somebody else").state == "failed"


def test_an_unknown_if_exists_is_refused_while_the_dag_is_parsed():
    with pytest.raises(ValueError, match="keep, update, fail"):
        dag_with(if_exists="replace")


def test_a_teams_schema_adds_rules(onboard, explo_connection):
    rules = {"required": ["plan"], "properties": {"plan": {"enum": ["gold", "{{ ds }}"]}}}
    assert onboard(properties_schema=rules).state == "success"
    run = onboard(properties={"plan": "lead"}, properties_schema=rules)
    assert run.state == "failed"
    for part in ("$.properties.plan", "expected: enum ['gold', '{{ ds }}']", "found: 'lead'"):
        assert part in run.log
    assert explo_connection.request_count == 1


@pytest.mark.parametrize("path", ["{{ params.folder }}/rules.json", "rules.json"])
def test_a_teams_schema_may_be_a_file_named_by_a_template_or_beside_the_dag(run_dag, explo_connection, tmp_path, path):
    (tmp_path / "rules.json").write_text('{"required": ["41"]}')
    dag = dag_with(mapping_schema=path, dag_arguments={"params": {"folder": str(tmp_path)}})
    dag.fileloc = str(tmp_path / "dag.py")
    run = run_dag(dag)
    assert run.state == "failed"
    assert "$.mapping['41']" in run.log
    assert explo_connection.request_count == 0


@pytest.mark.parametrize("schema", [{"type": "strnig"}, {"$ref": "https://example.com/schema.json"}, "/no/such/file"])
def test_an_unusable_schema_fails_before_any_call(onboard, explo_connection, schema):
    run = onboard(properties_schema=schema)
    assert run.state == "failed"
    assert "properties_schema" in run.log
    assert explo_connection.request_count == 0


def operator_error(emulator, **arguments):
    """What execute raises where trying again is Airflow's decision."""
    operator = ExploCreateUserGroupOperator(task_id="create", **{**TENANT, **arguments})
    with pytest.raises(Exception) as caught:
        operator.execute({})
    return caught.value


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", status=400, times=None), AirflowFailException),
        (Fault("status", status=401, times=None), AirflowFailException),
        (Fault("status", status=403, times=None), AirflowFailException),
        (Fault("refused", times=None), AirflowFailException),
        (Fault("html", times=None), AirflowFailException),
        (Fault("no_token", times=None), AirflowFailException),
        (Fault("wrong_tenant", times=None), AirflowFailException),
        (Fault("redirect", location="http://127.0.0.1:9/", times=None), AirflowFailException),
        (Fault("rate_limit", times=None), ExploRateLimitError),
        (Fault("status", status=503, times=None), ExploUnavailableError),
        (Fault("close_before", times=None), ExploUnavailableError),
    ],
)
def test_what_trying_again_cannot_mend_fails_at_once_and_the_rest_is_left_to_airflows_retries(
    explo_connection, monkeypatch, fault, kind
):
    patience = 30 if kind is AirflowFailException else 1
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(retry_timeout=patience))
    explo_connection.inject(fault)
    error = operator_error(explo_connection)
    assert type(error) is kind
    assert "'acme'" in str(error)
    assert "/embed/create_user_group/" in str(error)
    if kind is AirflowFailException:
        assert explo_connection.request_count == 1


def test_airflows_retry_mends_what_outlasted_the_clients(run_dag, explo_connection, monkeypatch):
    from datetime import timedelta

    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(retry_timeout=5))
    # Without a Retry-After the client would wait for half a minute or more, so it gives up at once.
    explo_connection.inject(Fault("rate_limit"))
    dag = dag_with(dag_arguments={"default_args": {"retries": 1, "retry_delay": timedelta(0)}})
    run = run_dag(dag)
    assert run.state == "success"
    assert explo_connection.request_count == 2


def test_no_secret_is_in_a_failed_runs_log_even_with_the_frames_local_variables(explo_connection, monkeypatch):
    onboarded = explo_connection.token
    for fault in ("wrong_tenant", "truncated", "html", "no_token", "cut_off", "not_json_constant", "other_shape"):
        monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(retry_timeout=0.1))
        explo_connection.inject(Fault(fault, times=None))
        error = operator_error(explo_connection)
        shown = everything_shown(error)
        assert onboarded not in shown
        assert not [group.token for group in explo_connection.groups if group.token in shown]
        explo_connection.clear_faults()
