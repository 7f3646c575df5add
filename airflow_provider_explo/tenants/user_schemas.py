"""A team's own JSON Schema: read, and checked before it is used. Nothing that it refers to is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import referencing
from referencing.jsonschema import DRAFT202012

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import ExploConfigError, Problem, json_path, preview

DRAFT = "https://json-schema.org/draft/2020-12/schema"
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords that hold schemas by name, and those that hold data.
BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
DATA = ("const", "enum", "default", "examples")


def read_schema(schema: Mapping[str, Any] | str | Path, name: str) -> Any:
    """The schema itself, from a file where a path is given.

    :raises ExploConfigError: there is no such file, or no JSON object in it.
    """
    if isinstance(schema, Mapping):
        return schema
    if not isinstance(schema, (str, Path)):
        raise ExploConfigError(f"{name}: expected a JSON Schema as a dict, or the path of one, found {preview(schema)}")
    try:
        document = json_values.loads(Path(schema).read_text(encoding="utf-8"))
    except OSError as error:
        raise ExploConfigError(f"{name}: cannot read {str(schema)!r}: {error.strerror}") from None
    except ValueError as error:
        raise ExploConfigError(f"{name}: {str(schema)!r} does not hold JSON: {error}") from None
    if not isinstance(document, dict):
        raise ExploConfigError(f"{name}: {str(schema)!r} does not hold a JSON object")
    return document


def keyword_problems(document: Mapping[str, Any]) -> list[Problem]:
    """What the metaschema does not see: remote and broken references, other drafts, patterns that do not compile."""
    problems = [problem for path, schema in _schemas(document, "#") for problem in _schema_problems(schema, path)]
    return [*problems, *_untimed_patterns(document), *_broken_references(document)]


def _broken_references(document: Mapping[str, Any]) -> Iterator[Problem]:
    nodes = list(_nodes(document))
    if any("$id" in node for node in nodes):
        return
    resolver = referencing.Registry().resolver_with_root(DRAFT202012.create_resource(document))
    for reference in {str(node[key]) for node in nodes for key in REFERENCES if str(node.get(key, "")).startswith("#")}:
        try:
            resolver.lookup(reference)
        except referencing.exceptions.Unresolvable:
            yield Problem(
                path="#",
                found=preview(reference),
                expected="references that lead somewhere",
                fix="correct the reference",
            )


def _nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _nodes(item)


def _schemas(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in a schema, with its JSON path: what stands where a name is expected is no keyword."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _schemas(item, json_path(path, index))
    if not isinstance(value, Mapping):
        return
    yield path, value
    for key, item in value.items():
        where = json_path(path, key)
        if key in BY_NAME and isinstance(item, Mapping):
            for name, schema in item.items():
                yield from _schemas(schema, json_path(where, name))
        elif key not in DATA:
            yield from _schemas(item, where)


def _schema_problems(schema: Mapping[str, Any], path: str) -> Iterator[Problem]:
    for key, value in schema.items():
        where = json_path(path, key)
        if key in REFERENCES and isinstance(value, str) and not value.startswith("#"):
            yield Problem(
                path=where,
                found=preview(value),
                expected="a reference inside the schema, such as #/$defs/plan",
                fix="copy what it refers to into $defs; other documents are never fetched",
            )
        elif key == "$schema" and isinstance(value, str) and value.rstrip("#") != DRAFT:
            yield Problem(
                path=where, found=preview(value), expected=f"Draft 2020-12 ({DRAFT})", fix="convert the schema"
            )
        elif key == "pattern" and isinstance(value, str):
            yield from _pattern_problems(value, where)
        elif key == "patternProperties" and isinstance(value, Mapping):
            for pattern in value:
                yield from _pattern_problems(pattern, where)


def _untimed_patterns(document: Mapping[str, Any]) -> Iterator[Problem]:
    """jsonschema tries patterns once more for unevaluatedProperties, through every reference, and without a limit."""
    keys = {key for node in _nodes(document) for key in node}
    if {"patternProperties", "unevaluatedProperties"} <= keys:
        yield Problem(
            path="#",
            found="patternProperties and unevaluatedProperties",
            expected="one of the two in a schema",
            fix="use additionalProperties, whose patterns are held to a time limit",
        )


def _pattern_problems(pattern: str, path: str) -> Iterator[Problem]:
    import regex

    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        yield Problem(path=path, found=preview(pattern), expected=f"a regular expression ({error})", fix="correct it")
