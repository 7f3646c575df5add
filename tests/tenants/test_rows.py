"""A row's hash without parsing it: that of the tenant, or none; and never a valid tenant's for a row that is not."""

from __future__ import annotations

import json
import pickle
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.exceptions import ExploValidationError
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.row import Row
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.tenants.strategies import json_objects

RULES = TenantValidator()
ACME = {"user_group_id": "acme", "name": "Acme"}
number_texts = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


def texts_of(objects):
    """JSON text of these, as different writers have it."""
    styles = st.sampled_from([{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")}])
    return st.builds(lambda value, style: json.dumps(value, **style), objects, styles)


rows = st.fixed_dictionaries(
    {"user_group_id": st.text(max_size=4) | st.integers(), "name": st.text(max_size=4) | st.none()},
    optional={
        "mapping": st.none() | texts_of(st.dictionaries(st.sampled_from("12"), st.sampled_from([0, 7, 210, "7"]))),
        "properties": st.none() | texts_of(json_objects) | st.builds('{{"a": {}}}'.format, number_texts) | json_objects,
        "is_demo_group": st.sampled_from([None, True, False, 0, 1, 2, "yes"]),
        "emails": st.sampled_from([None, "[]", '["b@x.eu", "a@x.eu"]', ["a@x.eu"], "null", "{}"]),
        "hierarchy_level_name": st.none() | st.text(max_size=2),
        "parent_provided_id": st.sampled_from([None, "p", 7, uuid.UUID(int=1), ""]),
    },
)


def is_valid(tenant):
    try:
        RULES.validate(tenant)
    except ExploValidationError:
        return False
    return True


@given(rows)
def test_the_quick_hash_is_the_tenants_or_none(values):
    quick, tenant = Row(values).quick_hash(), Tenant.parse(**values)
    if is_valid(tenant):
        assert quick in (None, content_hash(tenant))


@given(rows)
def test_what_is_read_quickly_is_what_parsing_reads(values):
    row, tenant = Row(values), Tenant.parse(**values)
    assert row.user_group_id == (tenant.user_group_id if tenant.has_id else None)
    assert row.shown_id == tenant.shown_id
    assert row.shown_name == tenant.shown_name
    if is_valid(tenant) and row.quick_hash() is not None:
        row = Row(values)
        assert row.content() == tenant.content()
        assert pickle.loads(pickle.dumps(row)).content() == tenant.content()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mapping": '{"40": 213, "41": "-0"}', "properties": "{}"},
        {"properties": '{"seats": 100, "price": 1.50, "huge": 12345678901234567890.10, "flags": [1, 2.0, null, true]}'},
        {"properties": '{"url": "https://acme.eu", "nested": {"a": {"b": 1}}}'},
        {"emails": '["b@x.eu", "a@x.eu", "b@x.eu"]', "is_demo_group": 1, "parent_provided_id": 7},
    ],
)
def test_an_ordinary_row_is_not_parsed(fields):
    row = Row({**ACME, **fields})
    assert row.quick_hash() == content_hash(RULES.tenant(**ACME, **fields))
    row.content()
    assert row.parsed is None


@pytest.mark.parametrize(
    ("field", "text", "mistaken_for"),
    [
        ("properties", '{"a": 1, "a": 2}', {"a": 2}),
        ("properties", '{"a": 1, "a" :2}', {"a": 2}),
        ("properties", '{"b": ":", "a": 1, "a": 2}', {"b": ":", "a": 2}),
        ("properties", '{"x": {"a": 1, "a": 2}}', {"x": {"a": 2}}),
        ("properties", '{"x": [{"a": 1, "a": 2}]}', {"x": [{"a": 2}]}),
        ("properties", '{"a": 1} x', {"a": 1}),
        ("properties", "\ufeff{}", {}),
        ("properties", '{"a": NaN}', {"a": None}),
        ("properties", "[]", {}),
        ("mapping", '{"40": true}', {"40": "true"}),
        ("mapping", '{"40": 213.0}', {"40": "213"}),
        ("mapping", '{"40": {"a": 1}}', {"40": "1"}),
        ("mapping", "null", {}),
        ("name", Decimal(1), "1"),
    ],
)
def test_a_row_is_not_mistaken_for_a_valid_tenant(field, text, mistaken_for):
    valid = RULES.tenant(**{**ACME, field: mistaken_for})
    assert Row({**ACME, field: text}).quick_hash() != content_hash(valid)


@given(st.integers(1, 400), st.sampled_from("[{"))
def test_depth_does_not_end_it(depth, bracket):
    opening, closing = ("[", "]") if bracket == "[" else ('{"a":', "}")
    text = f'{{"x": {opening * depth}1{closing * depth}}}'
    Row({**ACME, "properties": text}).quick_hash()


def test_what_is_large_is_left_to_parsing():
    assert Row({**ACME, "properties": json.dumps({"x": "y" * 100_000})}).quick_hash() is None


def test_a_row_travels_without_what_its_driver_made():
    class Driver:
        def __init__(self):
            self.connection = open(__file__)  # noqa: SIM115

    driver = Driver()
    with driver.connection:
        row = Row({**ACME, "mapping": {"40": "1"}, "properties": {"a": Decimal("1.5")}, "_": driver})
        row.hash()
        assert pickle.loads(pickle.dumps(row)).tenant == row.tenant
