"""Valid tenants pass unchanged; for invalid ones every problem is reported at once."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import ExploValidationError
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator

RULES = TenantValidator()
VALID = {"user_group_id": "acme", "name": "Acme"}

# NUL is refused: PostgreSQL's JSONB, in which Airflow may keep it, has none.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
json_value_strategy = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
json_objects = st.dictionaries(texts, json_value_strategy, max_size=4)


def problems_of(**fields):
    with pytest.raises(ExploValidationError) as caught:
        RULES.tenant(**{**VALID, **fields})
    return caught.value.problems


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


def cycle():
    value: dict = {}
    value["self"] = value
    return value


def nested(depth):
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        (b"bytes", "base64"),
        ({1, 2}, "list"),
        (date(2026, 1, 1), "ISO 8601"),
        (datetime.now(timezone.utc), "ISO 8601"),
        (uuid.uuid4(), "text"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
        (Decimal("NaN"), "null"),
        (Decimal("sNaN"), "null"),
        (Decimal("1E+400"), "text"),
        (Decimal("1E-999999999"), "text"),
        ("\udfff", "Unicode"),
        (10**1500, "text"),
        (object(), "text"),
        ({1: "a"}, "'1'"),
        ({"a": [{"b": {2}}]}, "list"),
        (nested(200), "flatten"),
        (nested(5000), "flatten"),
        (cycle(), "flatten"),
    ],
)
def test_what_is_not_json_is_refused_with_what_to_write_instead(value, fix):
    (problem,) = problems_of(properties={"field": value})
    assert problem.path.startswith("$.properties.field")
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Decimal("19.90"), 19.9),
        (Decimal("5.00"), 5),
        (Decimal("0.1000000000000000055"), Decimal("0.1000000000000000055")),
        (Decimal("0E+999999"), 0),
    ],
)
def test_what_json_can_hold_becomes_plain_and_loses_no_digit(value, plain):
    assert RULES.tenant(**VALID, properties={"field": value}).properties == {"field": plain}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": Infinity}',
        "[" * 100_000,
        '{"a": 1e400}',
        '{"a":' * 5000,
        '{"a": %s}' % ("9" * 5000),
        "{",
        "\ufeff{}",
    ],
)
def test_text_that_is_not_json_is_refused(text):
    assert problems_of(properties=text)


class Plan(str, Enum):
    GOLD = "gold"


class Size(IntEnum):
    LARGE = 3


class Ratio(float):
    """As numpy's float64 is one."""

    def __repr__(self):
        return "Ratio"


class WithoutRepr:
    def __repr__(self):
        raise KeyError


def test_members_of_enumerations_and_other_subclasses_become_plain():
    tenant = RULES.tenant(
        user_group_id=Plan.GOLD, name=Plan.GOLD, properties={"a": [Plan.GOLD, Size.LARGE, Ratio(0.5)]}
    )
    assert (tenant.user_group_id, tenant.name) == ("gold", "gold")
    assert json_values.dumps(tenant.properties) == '{"a":["gold",3,0.5]}'
    for value in (tenant.user_group_id, *tenant.properties["a"]):
        assert type(value) in (str, int, float)


def test_a_value_without_a_repr_is_refused():
    (problem,) = problems_of(name=WithoutRepr())
    assert problem.found == "a WithoutRepr"


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


def test_a_message_stays_readable_however_much_is_wrong():
    with pytest.raises(ExploValidationError) as caught:
        RULES.tenant(user_group_id="x" * 10_000, name="y" * 10_000, mapping={f"k{n}" * 50: "z" for n in range(1000)})
    assert len(caught.value.problems) == 20
    assert len(str(caught.value)) < 10_000
    assert "more than 20 problems; nothing was sent" in str(caught.value)
    assert str(caught.value).endswith("\nand more")


@pytest.mark.parametrize(
    ("fields", "schemas"),
    [
        ({"mapping": {f"k{n}": "" for n in range(50_000)}}, {}),
        ({"mapping": {f"k{n}" * 100: "" for n in range(1000)}}, {}),
        ({"properties": {f"\0{n}": "" for n in range(20_000)}}, {}),
        ({"properties": [{"\U000e0001" * 80: {f"{n}\x01" * 99: "\0" * 200}} for n in range(100)]}, {}),
        (
            {"properties": {"\x01" * 60: {f"k{n}": {"\x02" * 99: "x" * 100} for n in range(5000)}}},
            {"properties_schema": {"additionalProperties": {"additionalProperties": {"type": "integer"}}}},
        ),
        (
            {"properties": {f"k{n}": "x" for n in range(5000)}},
            {"properties_schema": {"anyOf": [{"required": [f"{n}" * 20]} for n in range(500)]}},
        ),
    ],
)
def test_a_message_is_bounded_and_so_is_the_search_for_more(fields, schemas):
    with pytest.raises(ExploValidationError) as caught:
        TenantValidator(**schemas).tenant(**{**VALID, **fields})
    assert len(caught.value.problems) <= 20
    assert len(str(caught.value)) < 10_500


def test_twenty_problems_are_all_listed():
    problems = problems_of(mapping={f"k{n}": "1" for n in range(20)})
    assert [problem.path for problem in problems] == [f"$.mapping.k{n}" for n in range(20)]
    assert len(problems_of(mapping={f"k{n}": "1" for n in range(21)})) == 20


MIB = 1024 * 1024


def of_size(size, character="x"):
    """Properties whose JSON has so many bytes."""
    overhead = len('{"a":""}')
    return {"a": character * ((size - overhead) // len(character.encode()))}


@pytest.mark.parametrize("character", ["x", "\u65e5"])
def test_a_tenants_json_may_have_one_mebibyte_of_utf_8(character):
    properties = of_size(MIB, character)
    text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"))
    assert RULES.tenant(**VALID, properties=properties).properties == properties
    assert RULES.tenant(**VALID, properties=text).properties == properties
    larger = of_size(MIB + 3, character)
    for value in (larger, json.dumps(larger, ensure_ascii=False, separators=(",", ":"))):
        with pytest.raises(ExploValidationError, match="tenant 'acme': 1 problem") as caught:
            RULES.tenant(**VALID, properties=value)
        (problem,) = caught.value.problems
        assert problem.path == "$.properties"
        assert problem.found.endswith(" bytes of JSON")
        assert MIB < int(problem.found.split()[0].replace(",", "")) <= MIB + 3
        assert problem.expected == "at most 1,048,576 bytes (1 MiB) of JSON for one tenant"


def test_the_size_is_that_of_all_fields_and_the_largest_is_named():
    half = of_size(MIB // 2)
    mapping = {str(number): "x" * 50 for number in range(10_000)}
    (problem,) = problems_of(properties=half, mapping=mapping)
    assert problem.path == "$.mapping"
    sizes = [len(json.dumps(value, separators=(",", ":"))) for value in (mapping, half)]
    assert problem.found == f"{sizes[0]:,} bytes of JSON, {sum(sizes):,} in all fields"


def test_text_that_is_too_large_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(json_values, "loads", None)
    (problem,) = problems_of(properties="[" * 40_000_000)
    assert problem.found == "40,000,000 bytes of JSON"
    tenant = Tenant.parse(**VALID, properties="[" * 2_000_000)
    assert tenant.properties is None


@pytest.mark.parametrize("value", ["x" * 256, "x" * 1_000_000])
def test_an_id_that_is_too_long_is_not_looked_up_and_shown_shortened(value):
    tenant = Tenant.parse(user_group_id=value, name=value)
    assert not tenant.has_id
    assert len(tenant.shown_id) < 120
    assert len(tenant.shown_name) < 120
    assert Tenant.parse(user_group_id="x" * 255, name="y" * 255).shown_id == "x" * 255
    assert Tenant.parse(user_group_id="x" * 255, name="y" * 255).shown_name == "y" * 255


def test_json_text_with_a_byte_order_mark_is_refused_for_that():
    (problem,) = problems_of(properties='\ufeff{"a": 1}')
    assert problem.expected == "JSON (no byte order mark before it)"
    assert "ufeff" in problem.fix


@given(json_objects)
def test_any_json_object_may_be_properties_and_travels_unchanged(properties):
    tenant = RULES.tenant(**VALID, properties=properties)
    assert json_values.loads(json_values.dumps(tenant.properties)) == properties
    assert RULES.tenant(**VALID, properties=json_values.dumps(properties)).properties == properties


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
