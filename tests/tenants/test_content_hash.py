"""What counts as the same content."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest
from hypothesis import given

from airflow_provider_explo.tenants.content_hash import HASH_VERSION, canonical, content_hash
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.tenants.strategies import json_objects, json_value_strategy

RULES = TenantValidator()


def tenant(**fields):
    return RULES.tenant(**{"user_group_id": "acme", "name": "Acme", **fields})


def shuffled(value):
    """The same JSON value with its keys in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        random.Random(7).shuffle(items)
        return {key: shuffled(item) for key, item in items}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def same(left, right):
    """Equality of JSON values, in which true is no number."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


@given(json_objects)
def test_key_order_and_text_make_no_difference(properties):
    hashes = {
        content_hash(tenant(properties=variant))
        for variant in (properties, shuffled(properties), json.dumps(properties))
    }
    assert len(hashes) == 1


@given(json_value_strategy, json_value_strategy)
def test_canonical_text_is_equal_exactly_for_equal_values(left, right):
    assert (canonical(left) == canonical(right)) == same(left, right)


@given(json_value_strategy)
def test_canonical_text_is_the_json_of_the_value_with_its_numbers_as_digits_and_exponent(value):
    """Hashes that are stored depend on it."""

    def tagged(value):
        if isinstance(value, dict):
            return {key: tagged(item) for key, item in value.items()}
        if isinstance(value, list):
            return [tagged(item) for item in value]
        if isinstance(value, (str, bool, type(None))):
            return value
        sign, digits, exponent = Decimal(repr(value) if isinstance(value, float) else value).as_tuple()
        text = "".join(map(str, digits)).lstrip("0")
        trimmed = text.rstrip("0")
        number = ["-" * sign + trimmed, exponent + len(text) - len(trimmed)]
        return number if trimmed else ["0", 0]

    assert canonical(value) == json.dumps(tagged(value), sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (0, None),
        (1, [1]),
        (2**53, 2**53 + 1),
        (10, ["1", 1]),
        (0.1, 0.1000001),
        ("", []),
    ],
)
def test_different_values_differ(left, right):
    assert canonical(left) != canonical(right)
    assert content_hash(tenant(properties={"a": left})) != content_hash(tenant(properties={"a": right}))


@pytest.mark.parametrize("right", [1.0, Decimal("1.00"), Decimal("0.1E+1")])
def test_numbers_that_mean_the_same_are_the_same(right):
    assert canonical(1) == canonical(right)


def test_a_data_source_is_the_same_as_text_and_as_number_but_a_property_is_not():
    assert content_hash(tenant(mapping={"40": 213})) == content_hash(tenant(mapping={"40": "213"}))
    assert content_hash(tenant(properties={"a": 213})) != content_hash(tenant(properties={"a": "213"}))


def test_each_field_counts_and_the_id_does_not():
    variants = [
        tenant(),
        tenant(name="Acme AG"),
        tenant(mapping={"40": "213"}),
        tenant(properties={"40": "213"}),
        tenant(properties={}),
    ]
    assert len({content_hash(variant) for variant in variants}) == len(variants)
    assert content_hash(tenant(user_group_id="other")) == content_hash(tenant())


def test_the_hash_names_its_version_and_stays_what_it_was():
    known = tenant(mapping={"40": 213}, properties={"plan": "gold", "seats": 5, "ratio": 0.5, "on": True, "none": None})
    assert HASH_VERSION == "1"
    assert content_hash(known) == "1:80677f56c5fbcd67f9a77911f53034dd544781a38054ca0db20a350580c6d486"
