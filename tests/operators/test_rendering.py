"""Templates give what was written: JSON text is JSON, ids are text, objects stay objects; also in native rendering."""

from __future__ import annotations

from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task

from airflow_provider_explo.exceptions import ExploValidationError
from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator, ExploUpdateUserGroupOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

pytestmark = pytest.mark.usefixtures("airflow_home")
BOTH = pytest.mark.parametrize("native", [False, True])
ROCKET = {"slogan": "to the moon 🚀", "n": 2**70, "x": [True, None, 1.5, "'"]}


def dag_of(*, native, **arguments):
    return DAG("one", start_date=datetime(2024, 1, 1), schedule=None, render_template_as_native_obj=native, **arguments)


def rendered(operator=ExploCreateUserGroupOperator, *, native, params=None, **arguments):
    """An operator after Airflow has rendered its fields."""
    if operator is not SqlToExploOperator:
        arguments = {"user_group_id": "acme", "name": "Acme", **arguments}
    with dag_of(native=native):
        made = operator(task_id="task", **arguments)
    made.render_template_fields({"params": params or {}})
    return made


def tenant_of(**arguments):
    return rendered(**arguments).validated({})


@BOTH
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ params.p | tojson }}", ROCKET),
        (r'{"emoji": "\ud83d\ude80", "php": "https:\/\/acme.example"}', {"emoji": "🚀", "php": "https://acme.example"}),
        ('{"a": true, "b": false, "c": null}', {"a": True, "b": False, "c": None}),
        ('{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        ('\n  {"text": "{{ params.text }}"}\n', {"text": "None, {}"}),
        ('{"a": "(1, 2)", "b": "0x10", "c": "1_000"}', {"a": "(1, 2)", "b": "0x10", "c": "1_000"}),
    ],
)
def test_json_text_is_read_as_json(native, template, expected):
    params = {"p": ROCKET, "text": "None, {}"}
    assert tenant_of(params=params, native=native, properties=template).properties == expected


@BOTH
@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": 1e400}', '{"a": -Infinity}', "{'a': 1}", '{"a": None}', "{1, 2}"]
)
def test_what_is_not_json_is_refused(native, text):
    with pytest.raises(ExploValidationError, match=r"\$\.properties"):
        tenant_of(native=native, properties=text)


@BOTH
@pytest.mark.parametrize("operator", [ExploCreateUserGroupOperator, ExploUpdateUserGroupOperator])
def test_every_json_field_is_text_to_the_template_engine(native, operator):
    texts = {
        "mapping": r'{"40": "21\/3"}',
        "properties": "{}",
        "emails": r'["a@acme.ex\u0061mple"]',
        "group_tags": "[]",
    }
    tenant = tenant_of(operator=operator, native=native, **texts)
    assert (tenant.mapping, tenant.properties, tenant.emails, tenant.group_tags) == (
        {"40": "21/3"},
        {},
        ["a@acme.example"],
        [],
    )


@pytest.mark.parametrize("template", ["{{ params.p }}", "\n{{ params.p }}\n\n", "{% if 1 %} {{ params.p }}{% endif %}"])
def test_a_template_that_gives_an_object_gives_that_object_in_native_rendering(template):
    assert tenant_of(params={"p": ROCKET}, native=True, properties=template).properties == ROCKET


def test_templates_within_an_object_keep_their_types_in_native_rendering():
    properties = {"n": "{{ params.n }}", "text": "{{ params.text }}", "both": "{{ params.n }} {{ params.text }}"}
    tenant = tenant_of(params={"n": 5, "text": "2024_001"}, native=True, properties=properties)
    assert tenant.properties == {"n": 5, "text": "2024_001", "both": "5 2024_001"}


@BOTH
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_last_newline_of_a_template_goes_as_jinja_does_everywhere(native, newline):
    arguments = {
        "user_group_id": "{{ params.id }}",
        "name": "Acme",
        "properties": '{"id": "{{ params.id }}"}',
        "explo_conn_id": "explo_{{ params.id }}",
        "token_conn_id": "warehouse",
    }
    arguments = {name: value + newline for name, value in arguments.items()}
    operator = rendered(native=native, params={"id": "y1"}, **arguments)
    assert (operator.user_group_id, operator.name) == ("y1", "Acme")
    assert (operator.explo_conn_id, operator.token_conn_id) == ("explo_y1", "warehouse")
    assert operator.validated({}).properties == {"id": "y1"}


@BOTH
def test_exactly_one_newline_goes_and_those_of_values_stay(native):
    operator = rendered(native=native, params={"name": "b\n"}, user_group_id="a\n\n", name="{{ params.name }}")
    assert (operator.user_group_id, operator.name) == ("a\n", "b\n")


@pytest.mark.parametrize("digest", ["12345678", "1e10", "{{ params.digest }}"])
def test_the_digest_of_an_approved_plan_stays_text_and_a_plan_an_object(digest):
    arguments = {"sql": "SELECT 1\n", "sql_conn_id": "warehouse", "native": True}
    operator = rendered(SqlToExploOperator, params={"digest": "0x12"}, approved_plan=digest, **arguments)
    assert operator.approved_plan == digest.replace("{{ params.digest }}", "0x12")
    assert operator.sql == "SELECT 1"
    operator = rendered(SqlToExploOperator, params={"plan": {"n": 1}}, approved_plan="{{ params.plan }}", **arguments)
    assert operator.approved_plan == {"n": 1}


@BOTH
def test_a_query_of_another_type_fails_when_the_task_starts(native):
    with pytest.raises(AirflowFailException, match=r"sql: expected str, found \['SELECT 1', 'SELECT 2'\]"):
        rendered(SqlToExploOperator, native=native, sql_conn_id="w", sql=["SELECT 1", "SELECT 2"])


@BOTH
def test_parameters_that_another_task_gave_as_text_fail_at_once(run_dag, explo_connection, warehouse, native):
    with dag_of(native=native) as dag:

        @task
        def values():
            return "abc"

        SqlToExploOperator(task_id="sync", sql="SELECT ?", parameters=values(), sql_conn_id="warehouse", retries=2)
    run = run_dag(dag)
    assert (run.states["sync"], run.task_instances["sync"].try_number) == ("failed", 1)
    assert "parameters: expected Mapping or list or tuple, found 'abc'" in run.log


def test_parameters_are_rendered_as_airflow_renders_them():
    arguments = {"sql": "SELECT 1", "sql_conn_id": "warehouse", "parameters": ["{{ params.n }}", "100", "a"]}
    assert rendered(SqlToExploOperator, params={"n": 5}, native=True, **arguments).parameters == [5, 100, "a"]
    assert rendered(SqlToExploOperator, params={"n": 5}, native=False, **arguments).parameters == ["5", "100", "a"]


@BOTH
def test_a_run_sends_what_templates_and_other_tasks_gave(run_dag, explo_connection, native):
    with dag_of(native=native, params={"p": ROCKET}) as dag:

        @task(multiple_outputs=True)
        def values():
            return {"properties": {"rocket": "🚀", "n": 1}, "mapping": r'{"40": "a\/b"}'}

        made = values()
        ExploCreateUserGroupOperator(
            task_id="of_xcoms",
            user_group_id="b",
            name="Acme",
            properties=made["properties"],
            mapping=made["mapping"],
        )
        ExploCreateUserGroupOperator(
            task_id="of_text", user_group_id="a\n", name="Acme\n", properties="{{ params.p | tojson }}\n"
        )
    run = run_dag(dag)
    assert run.state == "success", run.log
    sent = sorted((request.body for request in explo_connection.requests), key=lambda body: body["user_group_id"])
    assert sent == [
        {"user_group_id": "a", "name": "Acme", "properties": ROCKET},
        {"user_group_id": "b", "name": "Acme", "properties": {"rocket": "🚀", "n": 1}, "mapping": {"40": "a/b"}},
    ]


@BOTH
def test_the_label_of_a_mapped_task_is_one_that_airflow_can_store(run_dag, explo_connection, native):
    labels = {"x" * 255: "x" * 250, "2024_001": "2024_001", "é'\"\\n{{ 1 }}": "é'\"\\n{{ 1 }}", 7: "7"}
    with dag_of(native=native) as dag:

        @task
        def rows():
            return [{"user_group_id": tenant, "name": "N"} for tenant in labels]

        mapped = ExploCreateUserGroupOperator.partial(task_id="create", map_index_template="{{ task.user_group_id }}")
        mapped.expand_kwargs(rows())
    run = run_dag(dag)
    assert run.state == "success", run.log
    for index, label in enumerate(labels.values()):
        assert run.task_instances["create", index].rendered_map_index == label


def test_the_label_of_a_tenant_that_is_rejected_has_no_null_character(run_dag, explo_connection):
    with dag_of(native=False) as dag:

        @task
        def rows():
            return [{"user_group_id": "a\0b", "name": "N"}]

        mapped = ExploCreateUserGroupOperator.partial(
            task_id="create", map_index_template="{{ task.tenant.user_group_id }}"
        )
        mapped.expand(tenant=rows())
    run = run_dag(dag)
    assert run.states["create", 0] == "failed"
    assert "text without NUL" in run.log
    assert run.task_instances["create", 0].rendered_map_index == "ab"
    assert explo_connection.request_count == 0
