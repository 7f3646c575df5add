"""A user-supplied schema neither hangs, nor fetches, nor recurses without end."""

from __future__ import annotations

import socket
from decimal import Decimal

import pytest

from airflow_provider_explo.exceptions import ExploConfigError, ExploValidationError
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.tenants.problems import VALID, check

HANGS = "^(a|aa)+$"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
LONG = "a" * 60 + "!"


def test_a_mistake_in_a_schema_is_named_with_what_the_metaschema_allows():
    with pytest.raises(ExploConfigError) as caught:
        TenantValidator(properties_schema={"properties": {"a": {"type": "text"}}})
    lines = str(caught.value).splitlines()
    assert lines[1:3] == ["#.properties.a.type", "  found: 'text'"]
    assert lines[3].startswith("  expected: enum ['array', 'boolean', ")
    assert lines[4:] == ["  fix: correct the schema"]


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_a_schema_nested_too_deep_is_an_error(depth):
    schema: dict = {}
    for _ in range(depth):
        schema = {"properties": {"a": schema}}
    with pytest.raises(ExploConfigError, match="nested deeper"):
        TenantValidator(properties_schema=schema)


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_a_remote_reference_is_refused_and_never_fetched(keyword):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(ExploConfigError, match="never fetched"):
            TenantValidator(properties_schema={keyword: url})
        with pytest.raises(ExploConfigError):
            TenantValidator(properties_schema={"$id": url, "properties": {"a": {keyword: "other.json"}}})
        with pytest.raises(ExploConfigError):
            TenantValidator(properties_schema={"allOf": [{"$schema": url}]})
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_unresolvable_reference_under_an_id_is_reported_and_not_fetched():
    schema = {"$id": "http://127.0.0.1:9/a.json", "properties": {"a": {"$ref": "#/$defs/missing"}}}
    (problem,) = check(schema, {"a": 1})
    assert "leads nowhere" in problem.fix


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "properties"),
    [
        ({"properties": {"a": {"pattern": HANGS}}}, {"a": LONG}),
        ({"patternProperties": {HANGS: {}}}, {LONG: 1}),
        ({"patternProperties": {HANGS: {}}, "additionalProperties": False}, {LONG: 1}),
        ({"propertyNames": {"pattern": HANGS}}, {LONG: 1}),
        ({"properties": {"a": {"contains": {"pattern": HANGS}}}}, {"a": [LONG]}),
        ({"if": {"properties": {"a": {"pattern": HANGS}}}, "then": {}}, {"a": LONG}),
        ({"allOf": [{"not": {"properties": {"a": {"pattern": HANGS}}}}]}, {"a": LONG}),
        ({"dependentSchemas": {"a": {"properties": {"a": {"pattern": HANGS}}}}}, {"a": LONG}),
        ({"properties": {"a": {"$schema": DRAFT, "pattern": HANGS}}}, {"a": LONG}),
    ],
)
def test_a_pattern_that_would_hang_is_an_error(schema, properties):
    (problem,) = check(schema, properties)
    assert "took more than 1 s" in problem.fix


@pytest.mark.parametrize("depth", range(6))
def test_a_schema_that_refers_to_itself_without_end_is_an_error_wherever_the_stack_ends(depth):
    def begun_at(depth):
        return begun_at(depth - 1) if depth else check({"$ref": "#"}, {})

    assert "without end" in begun_at(depth)[0].fix


@pytest.mark.slow
def test_references_that_multiply_are_an_error():
    steps = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    (problem,) = check({"$ref": "#/$defs/d0", "$defs": {**steps, "d40": {}}}, {})
    assert "references" in problem.fix


def test_references_are_counted_for_each_tenant(monkeypatch):
    monkeypatch.setattr("airflow_provider_explo.tenants.user_schemas.MAX_REFERENCES", 2)
    rules = TenantValidator(properties_schema={"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {}}})
    for _ in range(5):
        rules.tenant(**VALID, properties={})


@pytest.mark.parametrize(
    ("schema", "properties"),
    [
        ({"multipleOf": 0.5, "properties": {"a": {"multipleOf": 3}}}, {"a": 10**1000}),
        ({"properties": {"a": {"minimum": 0.5}}}, {"a": 10**400}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [{"b": 1}, {"b": True}, [1], "1", None] * 20}),
        ({"properties": {"a": {"enum": [[1, {"b": None}]]}}}, {"a": Decimal("1.00000000000000000001E-300")}),
    ],
)
def test_odd_values_never_crash_a_check(schema, properties):
    check(schema, properties)


def test_a_bad_pattern_that_only_a_reference_reaches_is_an_error_of_the_check():
    rules = TenantValidator(
        properties_schema={"default": {"pattern": "["}, "additionalProperties": {"$ref": "#/default"}}
    )
    with pytest.raises(ExploValidationError, match="rewrite properties_schema"):
        rules.tenant(user_group_id="a", name="A", properties={"x": "b"})
