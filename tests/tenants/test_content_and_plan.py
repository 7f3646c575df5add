"""What counts as the same content, and where an existing group differs."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.sync.plan import difference, drift
from airflow_provider_explo.tenants.content_hash import HASH_VERSION, canonical, content_hash
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.tenants.test_tenants import json_objects, json_value_strategy

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


ASKED = Tenant(user_group_id="acme", name="Acme", mapping={"40": 213}, properties={"plan": "gold", "seats": 1})


@pytest.mark.parametrize(
    ("actual", "fields"),
    [
        ({"name": "Acme", "details": {"properties": {"seats": 1.0, "plan": "gold"}}}, ()),
        ({"name": "Acme AG", "details": {}}, ("name",)),
        ({"name": None, "details": {}}, ()),
        ({"name": "Acme", "details": {"properties": None}}, ("properties",)),
        ({"name": "Acme", "details": {"properties": {"plan": "gold", "seats": True}}}, ("properties",)),
        ({"name": "Acme", "details": {"parent_schema_datasource_mapping": {"40": "213"}}}, ()),
        ({"name": "Acme", "details": {"parent_schema_datasource_mapping": {"40": "999"}}}, ("mapping",)),
        ({"name": "Acme", "details": {"mapping": None}}, ("mapping",)),
        ({"name": "x", "details": {"mapping": {}, "properties": {}}}, ("name", "mapping", "properties")),
    ],
)
def test_drift_names_the_fields_that_are_known_to_differ(actual, fields):
    assert drift(ASKED, **actual) == fields


def test_what_was_not_asked_for_cannot_differ():
    asked = Tenant(user_group_id="acme", name="Acme")
    details = {"mapping": {"40": "1"}, "properties": {"plan": "gold"}}
    assert drift(asked, name="Acme", details=details) == ()


@pytest.mark.parametrize("actual", [None, {}])
@pytest.mark.parametrize("field", ["mapping", "properties"])
def test_nothing_and_an_empty_object_are_the_same(field, actual):
    asked = Tenant(user_group_id="acme", name="Acme", **{field: {}})
    assert drift(asked, name="Acme", details={field: actual}) == ()


@given(json_objects, st.one_of(st.none(), json_objects))
def test_there_is_drift_exactly_where_the_content_differs(wanted, actual):
    asked = Tenant(user_group_id="acme", name="Acme", properties=wanted)
    expected = () if same(wanted or {}, actual or {}) else ("properties",)
    assert drift(asked, name="Acme", details={"properties": actual}) == expected


def test_the_difference_holds_the_wanted_values_of_the_fields_that_differ():
    details = {"mapping": {"40": "213"}, "properties": {}}
    assert difference(ASKED, ("properties",), details=details) == {"properties": ASKED.properties}
    assert difference(ASKED, (), details=details) == {}


def test_a_mapping_that_explo_does_not_show_is_part_of_the_difference():
    assert difference(ASKED, ("name",), details={}) == {"name": "Acme", "mapping": {"40": 213}}
    assert difference(Tenant(user_group_id="acme", name="Acme"), (), details={}) == {}
