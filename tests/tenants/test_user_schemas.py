"""User-supplied JSON Schemas: checked before use, run within bounds, and never a reason to fetch anything."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from airflow_provider_explo.exceptions import ExploConfigError, ExploValidationError
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.tenants.problems import VALID, check


def summaries(schema, properties):
    return {(problem.path, problem.found, problem.expected) for problem in check(schema, properties)}


@pytest.mark.parametrize(
    ("schema", "properties", "problem"),
    [
        ({"required": ["a"]}, {}, ("$.properties.a", "nothing", "required ['a']")),
        ({"required": ["a"]}, None, ("$.properties.a", "nothing", "required ['a']")),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "1"}, ("$.properties.a", "'1'", "type 'integer'")),
        (
            {"properties": {"a": {"enum": ["x", 1]}}},
            {"a": "y"},
            ("$.properties.a", "'y'", "enum ['x', 1]"),
        ),
        ({"properties": {"a": {"const": "x"}}}, {"a": 1}, ("$.properties.a", "1", "const 'x'")),
        ({"additionalProperties": False}, {"b": 1}, ("$.properties.b", "1", "additionalProperties False")),
        (
            {"properties": {"a": {"items": {"minimum": 3}}}},
            {"a": [3, 2]},
            ("$.properties.a[1]", "2", "minimum 3"),
        ),
        ({"propertyNames": {"pattern": "^x"}}, {"b": 1}, ("$.properties.b", "'b'", "pattern '^x'")),
        (
            {"properties": {"a": {"anyOf": [{"type": "string"}, {"minimum": 3}]}}},
            {"a": 2},
            ("$.properties.a", "2", "type 'string' or minimum 3"),
        ),
        (
            {"$defs": {"plan": {"maxLength": 2}}, "properties": {"a": {"$ref": "#/$defs/plan"}}},
            {"a": "abc"},
            ("$.properties.a", "'abc'", "maxLength 2"),
        ),
        (
            {"$defs": {"plan": {"$anchor": "p", "maxLength": 2}}, "properties": {"a": {"$ref": "#p"}}},
            {"a": "abc"},
            ("$.properties.a", "'abc'", "maxLength 2"),
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_place_and_value(schema, properties, problem):
    assert summaries(schema, properties) == {problem}


def test_all_broken_rules_are_reported_with_their_places():
    problems = check({"required": ["a", "b"], "additionalProperties": False}, {"c": 1})
    assert [problem.path for problem in problems] == ["$.properties.a", "$.properties.b", "$.properties.c"]
    assert "properties_schema at #/required" in problems[0].fix


@pytest.mark.parametrize(
    ("schema", "properties"),
    [
        ({"properties": {"a": {"multipleOf": 0.01}}}, {"a": 19.9}),
        ({"properties": {"a": {"multipleOf": 0.01}}}, {"a": Decimal("19.90")}),
        ({"properties": {"a": {"enum": [0.1]}}}, {"a": Decimal("0.10")}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": 2.0}),
        ({"properties": {"a": {"format": "email"}}}, {"a": "not an address"}),
        ({"properties": {"a": {"pattern": "^(?!x)"}}}, {"a": "y"}),
        ({"minProperties": 0}, None),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, {"a": 1}),
    ],
)
def test_what_keeps_the_rules_passes(schema, properties):
    assert check(schema, properties) == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strnig"},
        {"required": "a"},
        {"pattern": "("},
        {"patternProperties": {"(": {}}},
        {"$ref": "#/$defs/missing"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"properties": {"a": {"enum": {1, 2}}}},
        {"patternProperties": {"^a": {}}, "unevaluatedProperties": False},
        {"allOf": [{"patternProperties": {"^(a+)+$": {}}}], "unevaluatedProperties": False},
        {
            "$ref": "#/$defs/p",
            "$defs": {"p": {"patternProperties": {"^(a+)+$": {}}}},
            "unevaluatedProperties": False,
        },
        {"properties": {"default": {"pattern": "["}}},
        {"$defs": {"enum": {"$ref": "https://elsewhere.example/schema.json"}}},
        5,
        [],
        True,
    ],
)
def test_an_invalid_schema_is_an_error_that_names_the_argument(schema):
    with pytest.raises(ExploConfigError, match="properties_schema"):
        TenantValidator(properties_schema=schema)


def test_a_schema_in_a_file(tmp_path):
    path = tmp_path / "rules.json"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(json.dumps({"required": ["plan"]}), encoding=encoding)
        for source in (path, str(path)):
            assert summaries(source, {}) == {("$.properties.plan", "nothing", "required ['plan']")}


@pytest.mark.parametrize("content", [None, "", "{", "[]", "true", '{"a": 1, "a": 2}', b"\xff\xfe"])
def test_a_file_that_holds_no_schema_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "rules.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ExploConfigError, match=r"properties_schema.*rules\.json"):
        TenantValidator(properties_schema=path)


def test_an_unknown_argument_is_a_type_error():
    with pytest.raises(TypeError, match="name_schema"):
        TenantValidator(name_schema={})


def test_a_message_holds_the_rule_and_a_short_form_of_the_value():
    (problem,) = check({"properties": {"a": {"enum": list(range(1000))}}}, {"a": "x" * 10_000})
    assert problem.fix.endswith("or change properties_schema at #/properties/a/enum")
    assert len(str(problem)) < 400


def test_each_field_has_its_own_user_schema():
    rules = TenantValidator(mapping_schema={"required": ["40"]}, properties_schema={"required": ["plan"]})
    with pytest.raises(ExploValidationError) as caught:
        rules.tenant(**VALID, mapping={"41": "1"}, properties={})
    assert [problem.path for problem in caught.value.problems] == ["$.mapping['40']", "$.properties.plan"]


def test_the_built_in_schema_comes_before_the_users():
    rules = TenantValidator(mapping_schema={"required": ["40"]})
    with pytest.raises(ExploValidationError) as caught:
        rules.tenant(**VALID, mapping="[]")
    assert [problem.path for problem in caught.value.problems] == ["$.mapping"]


def test_names_of_properties_are_not_keywords():
    schema = {"properties": {"pattern": {"const": "["}, "$ref": {"type": "string"}, "default": {"pattern": "^a"}}}
    rules = TenantValidator(properties_schema=schema)
    rules.tenant(user_group_id="a", name="A", properties={"pattern": "[", "$ref": "x", "default": "ab"})
    with pytest.raises(ExploValidationError, match="default"):
        rules.tenant(user_group_id="a", name="A", properties={"default": "b"})
