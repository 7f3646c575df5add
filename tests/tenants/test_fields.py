"""What each field of a tenant accepts, which API carries it, and what counts as the same."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files

import pytest

from airflow_provider_explo import tenants
from airflow_provider_explo.tenants.content_hash import canonical, content_hash
from airflow_provider_explo.tenants.tenant import CONTENT_FIELDS, FIELDS, Tenant
from tests.tenants.problems import RULES, VALID, problems_of

ALL = {
    **VALID,
    "mapping": {"40": "213"},
    "properties": {"plan": "gold"},
    "is_demo_group": True,
    "emails": ["ann@acme.example", "bob@acme.example"],
    "group_tags": ["trial", "emea"],
    "hierarchy_level_name": "User",
    "parent_provided_id": "acme-holding",
}


def test_every_field_has_an_attribute_a_schema_and_a_value_here():
    schemas = {path.name for path in (files(tenants) / "schemas").iterdir()}
    assert schemas == {f"{name}.json" for name in FIELDS}
    assert ALL.keys() == FIELDS.keys() == Tenant.__dataclass_fields__.keys() - {"problems"}


def test_a_tenant_with_every_field_passes_unchanged():
    tenant = RULES.tenant(**ALL)
    assert {name: getattr(tenant, name) for name in FIELDS} == ALL
    assert {"user_group_id": "acme", **tenant.content()} == ALL


@pytest.mark.parametrize("api", ["embed", "user_group", "customer"])
def test_what_an_api_can_carry(api):
    older = ["user_group_id", "name", "mapping", "properties"]
    expected = {"embed": older, "user_group": [*older, "is_demo_group"], "customer": list(FIELDS)}
    assert [name for name, field in FIELDS.items() if api in field.apis] == expected[api]


def test_keys_in_requests_and_responses():
    assert FIELDS["user_group_id"].request_key("customer") == "provided_id"
    assert FIELDS["user_group_id"].request_key("user_group") == "user_group_id"
    assert all(field.request_key("customer") == field.name for field in CONTENT_FIELDS)
    assert FIELDS["hierarchy_level_name"].response_keys == ("hierarchy_level", "hierarchy_level_name")


def test_fields_that_may_be_json_text():
    names = [name for name, field in FIELDS.items() if field.json_text]
    assert names == ["mapping", "properties", "emails", "group_tags"]


@pytest.mark.parametrize(
    ("value", "plain"),
    [(True, True), (False, False), (1, True), (0, False), (Decimal(1), True), (Decimal("0"), False), (None, None)],
)
def test_a_boolean_may_be_0_or_1(value, plain):
    assert RULES.tenant(**VALID, is_demo_group=value).is_demo_group is plain


@pytest.mark.parametrize("value", ["true", "false", "t", "0", "", 2, -1, 1.0, [], {}])
def test_what_is_not_a_boolean_is_refused(value):
    (problem,) = problems_of(is_demo_group=value)
    assert problem.path == "$.is_demo_group"
    assert problem.expected == "a boolean, or 0 or 1"
    assert "CAST" in problem.fix


@pytest.mark.parametrize("field", ["emails", "group_tags"])
def test_lists_may_be_json_text(field):
    for value in (["a@b.example"], ("a@b.example",), '["a@b.example"]'):
        assert getattr(RULES.tenant(**VALID, **{field: value}), field) == ["a@b.example"]
    for value in (None, "null"):
        assert getattr(RULES.tenant(**VALID, **{field: value}), field) is None
    assert getattr(RULES.tenant(**VALID, **{field: "[]"}), field) == []


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("emails", "ann@acme.example", "$.emails"),
        ("emails", {"a": 1}, "$.emails"),
        ("emails", ["ann"], "$.emails[0]"),
        ("emails", ["ann@acme.example", "bob @acme.example"], "$.emails[1]"),
        ("emails", ["ann@acme.example\n"], "$.emails[0]"),
        ("emails", ["@"], "$.emails[0]"),
        ("emails", [None], "$.emails[0]"),
        ("emails", {"ann@acme.example"}, "$.emails"),
        ("group_tags", "trial", "$.group_tags"),
        ("group_tags", ["trial", ""], "$.group_tags[1]"),
        ("group_tags", [" "], "$.group_tags[0]"),
        ("group_tags", ["a\nb"], "$.group_tags[0]"),
        ("group_tags", [5], "$.group_tags[0]"),
        ("hierarchy_level_name", "", "$.hierarchy_level_name"),
        ("hierarchy_level_name", " ", "$.hierarchy_level_name"),
        ("hierarchy_level_name", 2, "$.hierarchy_level_name"),
        ("hierarchy_level_name", "x" * 256, "$.hierarchy_level_name"),
        ("parent_provided_id", "", "$.parent_provided_id"),
        ("parent_provided_id", "a\nb", "$.parent_provided_id"),
        ("parent_provided_id", True, "$.parent_provided_id"),
    ],
)
def test_invalid_values(field, value, path):
    (problem,) = problems_of(**{field: value})
    assert problem.path == path
    assert problem.expected
    assert problem.fix


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("emails", (["a@x", "b@x"], ["b@x", "a@x", "b@x"])),
        ("group_tags", (["trial", "emea"], ["emea", "trial", "trial"])),
        ("group_tags", (None, [])),
        ("is_demo_group", (None, False)),
        ("mapping", ({"40": 213}, {"40": "213"})),
    ],
)
def test_values_that_explo_does_not_tell_apart_are_comparable(field, values):
    assert len({canonical(FIELDS[field].comparable(value)) for value in values}) == 1


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("emails", (["a@x"], ["a@x", "b@x"], None)),
        ("is_demo_group", (True, False)),
        ("hierarchy_level_name", (None, "User", "user")),
        ("parent_provided_id", (None, "a", "b")),
    ],
)
def test_other_values_differ(field, values):
    assert len({canonical(FIELDS[field].comparable(value)) for value in values}) == len(values)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [None, True, 1, "a", [1, None], [["a"], {}], {"a": [1]}])
def test_any_json_value_of_a_response_can_be_compared(name, value):
    canonical(FIELDS[name].comparable(value))


@pytest.mark.parametrize("name", sorted(ALL.keys() - VALID.keys()))
def test_each_field_counts_in_the_hash(name):
    without = {field: value for field, value in ALL.items() if field != name}
    assert content_hash(RULES.tenant(**without)) != content_hash(RULES.tenant(**ALL))


def test_fields_without_a_value_leave_the_hash_as_it_was():
    known = "1:80677f56c5fbcd67f9a77911f53034dd544781a38054ca0db20a350580c6d486"
    properties = {"plan": "gold", "seats": 5, "ratio": 0.5, "on": True, "none": None}
    later = dict.fromkeys(ALL.keys() - VALID.keys() - {"mapping", "properties"})
    assert content_hash(RULES.tenant(**VALID, mapping={"40": 213}, properties=properties, **later)) == known


def test_the_hash_does_not_depend_on_the_order_of_tags_and_emails():
    turned = {**ALL, "emails": ALL["emails"][::-1], "group_tags": [*ALL["group_tags"], "trial"]}
    assert content_hash(RULES.tenant(**turned)) == content_hash(RULES.tenant(**ALL))
