"""JSON with every digit, in both directions, and nothing that is not JSON."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo import json_values

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_every_value_comes_back(value):
    assert json_values.loads(json_values.dumps(value)) == value


@given(JSON_VALUES)
def test_the_text_is_what_any_other_reader_reads(value):
    text = json_values.dumps(value)

    assert text.isascii()
    assert json.loads(text) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_every_digit(number):
    result = json_values.loads(json_values.dumps({"n": number}))["n"]

    assert (Decimal(repr(result)) if isinstance(result, float) else Decimal(result)) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**53 + 1, "9007199254740993"),
        (-(2**64), "-18446744073709551616"),
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+30"), "1E+30"),
        (Decimal("-0"), "-0"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (True, "true"),
        (None, "null"),
        ('ü\u2028"\\\n', r'"\u00fc\u2028\"\\\n"'),
        ([1, [], {}], "[1,[],{}]"),
        ((1, Decimal("2.50")), "[1,2.50]"),
        (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        (MappingProxyType({"a": [Decimal("1.0")]}), '{"a":[1.0]}'),
    ],
)
def test_what_is_written(value, text):
    assert json_values.dumps(value) == text


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": x}, lambda x: {"a": [{"b": (x,)}]}])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "sNaN"])
def test_nan_and_infinities_never_leave(wrap, number):
    values = [Decimal(number)] if number == "sNaN" else [Decimal(number), float(number)]

    for value in values:
        with pytest.raises(ValueError):
            json_values.dumps(wrap(value))


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), 1j, {1: "a"}, {None: 1}, {True: 1}, ({1: "a"},), [b"x"]])
def test_what_json_does_not_have_never_leaves(value):
    with pytest.raises(TypeError):
        json_values.dumps(value)


def test_what_is_nested_too_deep_or_in_itself_is_a_value_error():
    deep, endless = [], []
    for _ in range(100_000):
        deep = [deep]
    endless.append(endless)

    for value in (deep, endless):
        with pytest.raises(ValueError, match="too deep"):
            json_values.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 9007199254740993),
        ("0.1", 0.1),
        ("0.10", 0.1),
        ("1e2", 100.0),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ("1e400", Decimal("1e400")),
        ("-1e-400", Decimal("-1e-400")),
        ("123456789.123456789123", Decimal("123456789.123456789123")),
    ],
)
def test_a_number_becomes_a_decimal_only_where_a_float_would_lose_a_digit(text, value):
    result = json_values.loads(text)

    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "{'a': 1}",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "01",
        "1 2",
        '"\n"',
        "\ufeff{}",
        '{"a": 1, "b": 2, "a": 1}',
        '[{"x": {"a": 1, "a": 2}}]',
        "[" * 100_000 + "]" * 100_000,
        "1e99999999999999999999",
        "1e-99999999999999999999",
    ],
)
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        json_values.loads(text)


def test_a_duplicate_key_is_named_and_found_quickly():
    keys = ",".join(f'"{number}":0' for number in range(200_000))
    began = time.process_time()

    with pytest.raises(ValueError, match="duplicate key '199999'"):
        json_values.loads(f'{{{keys},"199999":1}}')
    assert time.process_time() - began < 5


STRANGE = (
    st.decimals()
    | st.floats()
    | st.binary(max_size=3)
    | st.integers(0, 2).map(lambda number: "\0\ud800\n"[number])
    | st.sampled_from([2**5000, -(2**4095), (), {1: 2}, OrderedDict(a=1), True, "\x7f"])
)


@given(
    st.recursive(
        JSON_VALUES | STRANGE,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.just("\0"), inner),
        max_leaves=10,
    )
)
def test_a_value_that_is_returned_as_it_came_needs_no_change(value):
    if json_values._is_normal(value):
        problems = []
        normalized = json_values._normalize(value, ("$",), problems)
        assert (repr(normalized), problems) == (repr(value), [])


@pytest.mark.parametrize("levels", [json_values.MAX_DEPTH, json_values.MAX_DEPTH + 1])
@pytest.mark.parametrize("deepen", [lambda value: [value], lambda value: {"a": value}])
def test_depth_is_the_same_for_values_that_need_no_change(levels, deepen):
    value = 1
    for _ in range(levels):
        value = deepen(value)
    _, problems = json_values.normalize(value, "$")
    assert bool(problems) == (levels > json_values.MAX_DEPTH)
    assert json_values._is_normal(value) == (not problems)
