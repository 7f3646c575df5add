"""Valid tenants pass unchanged; for invalid ones every problem is reported at once."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import ExploValidationError
from airflow_provider_explo.tenants.tenant import Tenant
from tests.tenants.problems import RULES, VALID, problems_of


@pytest.mark.parametrize(
    "fields",
    [
        {"user_group_id": "2024_001"},
        {"user_group_id": "x" * 255},
        {"user_group_id": "日" * 255},
        {"name": 'The "Quoted" & O\'Reilly <b> {{ braces }}'},
        {"name": "Müller 株式会社 🧸 شركة"},
        {"name": " surrounded by spaces "},
        {"mapping": {}},
        {"mapping": {"40": "213", "134": 386}},
        {"mapping": '{"40": "213"}'},
        {"mapping": "null", "properties": "null"},
        {"mapping": {"007": "by the id it was made with"}},
        {"properties": {}},
        {"properties": {"": None, "nested": {"list": [1, 2.5, "three", [True]]}, "big": 2**100}},
    ],
)
def test_valid_tenants_pass(fields):
    tenant = RULES.tenant(**{**VALID, **fields})
    assert isinstance(tenant, Tenant)
    assert tenant.user_group_id == fields.get("user_group_id", "acme")
    assert tenant.name == fields.get("name", "Acme")


def test_a_positive_integer_as_data_source_stays_one():
    assert RULES.tenant(**VALID, mapping={"40": 213}).mapping == {"40": 213}
    assert RULES.tenant(**VALID, mapping='{"40": 213}').mapping == {"40": 213}


@pytest.mark.parametrize("field", ["user_group_id", "name"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "\u3000\t ",
        "x" * 256,
        "a\nb",
        "a\n",
        "\x00",
        "a\x7f",
        "a\x85",
        "\ud800",
        4.2,
        True,
        b"acme",
        [],
    ],
)
def test_invalid_ids_and_names(field, value):
    problems = problems_of(**{field: value})
    assert {problem.path for problem in problems} == {f"$.{field}"}
    assert all(problem.expected and problem.found and problem.fix for problem in problems)


@pytest.mark.parametrize("value", [42, uuid.uuid4()])
def test_an_id_may_be_an_integer_or_a_uuid_and_a_name_may_not(value):
    tenant = RULES.tenant(**{**VALID, "user_group_id": value}, parent_provided_id=value)
    assert (tenant.user_group_id, tenant.parent_provided_id) == (str(value), str(value))
    assert tenant.has_id
    (problem,) = problems_of(name=value)
    assert problem.path == "$.name"


@pytest.mark.parametrize(
    "value",
    [" acme", "acme ", "acme\u3000", "\tacme", "\ufeffacme", "acme\u200b", "\u2060", False, Decimal("4.2"), 10**1500],
)
@pytest.mark.parametrize("field", ["user_group_id", "parent_provided_id"])
def test_ids_that_other_systems_would_change_are_refused(field, value):
    assert {problem.path for problem in problems_of(**{field: value})} == {f"$.{field}"}


@pytest.mark.parametrize("field", ["user_group_id", "name", "hierarchy_level_name"])
def test_an_id_or_name_with_nul_is_refused_and_not_looked_up(field):
    (problem,) = problems_of(**{field: "a\0b"})
    assert (problem.expected, problem.found) == ("text without NUL", "'a\\x00b'")
    assert Tenant.parse(**{**VALID, field: "a\0b"}).has_id == (field != "user_group_id")


@pytest.mark.parametrize("value", ["a\0", {"a\0": 1}, ["x", "\0"], {"a": {"b": "\0"}}])
def test_json_with_nul_is_refused(value):
    for properties in ({"field": value}, json_values.dumps({"field": value})):
        (problem,) = problems_of(properties=properties)
        assert problem.path.startswith("$.properties.field")
        assert problem.expected == "text without NUL"


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"forty": "213"}, "$.mapping.forty"),
        ({"": "213"}, "$.mapping['']"),
        ({"40\n": "213"}, "$.mapping['40\\n']"),
        ({"٤٠": "213"}, "$.mapping['٤٠']"),
        ({"-40": "213"}, "$.mapping['-40']"),
        ({40: "213"}, "$.mapping['40']"),
        ({"40": ""}, "$.mapping['40']"),
        ({"40": " "}, "$.mapping['40']"),
        ({"40": 0}, "$.mapping['40']"),
        ({"40": -1}, "$.mapping['40']"),
        ({"40": 213.0}, "$.mapping['40']"),
        ({"40": True}, "$.mapping['40']"),
        ({"40": None}, "$.mapping['40']"),
        ({"40": ["213"]}, "$.mapping['40']"),
        ([], "$.mapping"),
        (42, "$.mapping"),
        ("", "$.mapping"),
        ("None", "$.mapping"),
        ("{'40': '213'}", "$.mapping"),
        ('{"40": "213"} x', "$.mapping"),
        ('{"40": "1", "40": "2"}', "$.mapping"),
        ('["40"]', "$.mapping"),
    ],
)
def test_invalid_mappings(mapping, path):
    assert path in {problem.path for problem in problems_of(mapping=mapping)}


def nested(depth):
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_every_problem_is_reported_at_once_in_a_message_that_names_the_tenant():
    with pytest.raises(ExploValidationError) as caught:
        RULES.tenant(user_group_id="bad tenant", name="", mapping={"x": "1", "40": 0}, properties={"d": date.today()})
    problems = caught.value.problems
    assert {problem.path for problem in problems} == {
        "$.name",
        "$.mapping.x",
        "$.mapping['40']",
        "$.properties.d",
    }
    message = str(caught.value)
    assert message.startswith("tenant 'bad tenant': 4 problems; nothing was sent")
    assert all(str(problem) in message for problem in problems)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers() | st.binary(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(anything, anything, anything, anything)
def test_whatever_comes_is_a_tenant_or_a_validation_error(user_group_id, name, mapping, properties):
    try:
        tenant = RULES.tenant(user_group_id=user_group_id, name=name, mapping=mapping, properties=properties)
    except ExploValidationError as error:
        problems = error.problems
    else:
        problems = ["none, and it can be written"]
        json_values.dumps([tenant.mapping, tenant.properties])
    assert problems
