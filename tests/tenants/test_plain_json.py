"""Any JSON value travels unchanged; anything else is refused with what to write instead."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType

import pytest
from hypothesis import given

from airflow_provider_explo import json_values
from tests.tenants.problems import RULES, VALID, problems_of
from tests.tenants.strategies import json_objects


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


@given(json_objects)
def test_any_json_object_may_be_properties_and_travels_unchanged(properties):
    tenant = RULES.tenant(**VALID, properties=properties)
    assert json_values.loads(json_values.dumps(tenant.properties)) == properties
    assert RULES.tenant(**VALID, properties=json_values.dumps(properties)).properties == properties
