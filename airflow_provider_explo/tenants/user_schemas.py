"""User-supplied JSON Schemas (Draft 2020-12): read, checked before use, and run within bounds.

Nothing that a schema refers to is ever fetched. A pattern has a second for each text, and one check follows a bounded
number of references.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import referencing
import regex
from referencing.jsonschema import DRAFT202012

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import ExploConfigError, Problem, json_path, message, preview

PATTERN_SECONDS = 1.0
MAX_REFERENCES = 100_000
DRAFT = "https://json-schema.org/draft/2020-12/schema"
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords that hold schemas by name, and those that hold data.
BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
DATA = ("const", "enum", "default", "examples")

Errors = Iterator[jsonschema.ValidationError]


def read_schema(schema: Mapping[str, Any] | str | Path, name: str) -> Any:
    """The schema itself, from a file where a path is given.

    :raises ExploConfigError: there is no such file, or no JSON object in it.
    """
    if isinstance(schema, Mapping):
        return schema
    if not isinstance(schema, (str, Path)):
        expected = "a JSON Schema as a dict, or the path of a JSON file"
        raise ExploConfigError(message(f"{name}: not a schema", found=preview(schema), expected=expected))
    try:
        # Some editors write a byte order mark.
        document = json_values.loads(Path(schema).read_text(encoding="utf-8-sig"))
    except OSError as error:
        fix = "use an absolute path, or one relative to the DAG file's folder"
        raise ExploConfigError(message(f"{name}: cannot read {str(schema)!r}: {error.strerror}", fix=fix)) from None
    except ValueError as error:
        raise ExploConfigError(f"{name}: {str(schema)!r} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ExploConfigError(f"{name}: {str(schema)!r} does not hold a JSON object")
    return document


def find_problems(document: dict[str, Any]) -> list[Problem]:
    """What the metaschema does not see: remote and broken references, other drafts, patterns that do not compile."""
    subschemas = list(_subschemas(document, "#"))
    keywords = {keyword for _, schema in subschemas for keyword in schema}
    resolver = None
    if "$id" not in keywords:
        resolver = referencing.Registry().resolver_with_root(DRAFT202012.create_resource(document))
    problems = [problem for path, schema in subschemas for problem in _keyword_problems(schema, path, resolver)]
    # jsonschema tries patterns again for unevaluatedProperties, through every reference, and without a time limit.
    text = json_values.dumps(document)
    if '"patternProperties":' in text and '"unevaluatedProperties":' in text:
        problems.append(
            Problem(
                path="#",
                found="patternProperties and unevaluatedProperties",
                expected="only one of the two in a schema",
                fix="use additionalProperties, whose patterns have a time limit",
            )
        )
    return problems


def _subschemas(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, with its JSON path; the names of properties and the data in it are no keywords."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _subschemas(item, json_path(path, index))
    if not isinstance(value, dict):
        return
    yield path, value
    for key, item in value.items():
        place = json_path(path, key)
        if key in BY_NAME and isinstance(item, Mapping):
            for name, schema in item.items():
                yield from _subschemas(schema, json_path(place, name))
        elif key not in DATA:
            yield from _subschemas(item, place)


def _keyword_problems(schema: Mapping[str, Any], path: str, resolver: Any) -> Iterator[Problem]:
    for key, value in schema.items():
        place = json_path(path, key)
        if key in REFERENCES and isinstance(value, str):
            yield from _reference_problems(value, place, resolver)
        elif key == "$schema" and isinstance(value, str) and value.rstrip("#") != DRAFT:
            expected = f"Draft 2020-12 ({DRAFT})"
            yield Problem(path=place, found=preview(value), expected=expected, fix="convert the schema")
        elif key == "pattern" and isinstance(value, str):
            yield from _pattern_problems(value, place)
        elif key == "patternProperties" and isinstance(value, Mapping):
            for pattern in value:
                yield from _pattern_problems(pattern, place)


def _reference_problems(reference: str, path: str, resolver: Any) -> Iterator[Problem]:
    if not reference.startswith("#"):
        expected = "a reference inside the schema, such as #/$defs/plan"
        fix = "copy what it refers to into $defs; other documents are never fetched"
        yield Problem(path=path, found=preview(reference), expected=expected, fix=fix)
    elif resolver:
        try:
            resolver.lookup(reference)
        except referencing.exceptions.Unresolvable:
            expected = "a reference to something in the schema"
            yield Problem(path=path, found=preview(reference), expected=expected, fix="correct the reference")


def _pattern_problems(pattern: str, path: str) -> Iterator[Problem]:
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        yield Problem(path=path, found=preview(pattern), expected=f"a regular expression ({error})", fix="correct it")


def bounded_validator(document: dict[str, Any]) -> Any:
    """The jsonschema validator of a schema without problems; call :func:`start_check` before each use."""
    for _, schema in list(_subschemas(document, "#")):
        # Where a schema names its draft, jsonschema would go on with the standard validator, which has no bounds.
        schema.pop("$schema", None)
    return _BoundedValidator(document, registry=referencing.Registry())


def start_check() -> None:
    """Start counting the references that one check follows."""
    _references.left = MAX_REFERENCES


def _search(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        raise TimeoutError(
            f"the pattern {preview(pattern)} took more than {PATTERN_SECONDS:g} s on {preview(text)}; "
            "nested repetitions such as (a+)+ do that"
        ) from None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, str) and not _search(pattern, instance):
        yield jsonschema.ValidationError("pattern")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> Errors:
    if isinstance(instance, Mapping):
        for pattern, rule in patterns.items():
            for key, value in instance.items():
                if _search(pattern, key):
                    yield from validator.descend(value, rule, path=key, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Mapping[str, Any]) -> Errors:
    if not isinstance(instance, Mapping):
        return
    for key, value in instance.items():
        if key in schema.get("properties", {}) or any(_search(p, key) for p in schema.get("patternProperties", {})):
            continue
        if rule is False:
            yield jsonschema.ValidationError("additionalProperties", instance=value, path=[key])
        else:
            yield from validator.descend(value, rule, path=key)


def _required(validator: Any, names: list[str], instance: Any, schema: Any) -> Errors:
    # The path is that of the missing member, where jsonschema's is the object's.
    if isinstance(instance, Mapping):
        for name in names:
            if name not in instance:
                yield jsonschema.ValidationError("required", path=[name])


def _multiple_of(validator: Any, factor: Any, instance: Any, schema: Any) -> Errors:
    # In floating point 19.9 is no multiple of 0.01.
    if validator.is_type(instance, "number") and Fraction(str(instance)) % Fraction(str(factor)):
        yield jsonschema.ValidationError("multipleOf")


def _bounded(follow: Callable[..., Any]) -> Callable[..., Errors]:
    """Bound the references followed in one check: a small schema can multiply them exponentially."""

    def reference(validator: Any, ref: str, instance: Any, schema: Any) -> Errors:
        _references.left -= 1
        if _references.left < 0:
            raise TimeoutError(f"it follows more than {MAX_REFERENCES:,} references for one value")
        yield from follow(validator, ref, instance, schema) or ()

    return reference


_references = threading.local()
_extend: Any = jsonschema.validators.extend
_STANDARD = jsonschema.Draft202012Validator
_BoundedValidator = _extend(
    _STANDARD,
    {
        "$ref": _bounded(_STANDARD.VALIDATORS["$ref"]),
        "$dynamicRef": _bounded(_STANDARD.VALIDATORS["$dynamicRef"]),
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "required": _required,
    },
)
