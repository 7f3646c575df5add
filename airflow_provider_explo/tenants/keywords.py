"""jsonschema's keywords where the standard ones could hang, mislead, or count 19.9 as no multiple of 0.01.

A pattern has a second for each text, and one check follows a bounded number of references.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import jsonschema

from airflow_provider_explo.exceptions import preview

PATTERN_SECONDS = 1.0
MOST_REFERENCES = 100_000
MISSING = object()

_references = threading.local()
_extend: Any = jsonschema.validators.extend


def start_check() -> None:
    """Count references anew; to be called before each use of a :data:`TeamValidator`."""
    _references.left = MOST_REFERENCES


def _search(pattern: str, text: str) -> bool:
    import regex

    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        raise TimeoutError(
            f"the pattern {preview(pattern)} took more than {PATTERN_SECONDS:g} s on {preview(text)}; "
            "nested repetitions such as (a+)+ do that"
        ) from None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str) and not _search(pattern, instance):
        yield jsonschema.ValidationError(f"does not match {pattern}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, Mapping):
        for pattern, rule in patterns.items():
            for key, value in instance.items():
                if _search(pattern, key):
                    yield from validator.descend(value, rule, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, rule: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    if not isinstance(instance, Mapping):
        return
    for key, value in instance.items():
        if key in schema.get("properties", {}) or any(_search(p, key) for p in schema.get("patternProperties", {})):
            continue
        if rule is False:
            yield jsonschema.ValidationError("is not allowed", instance=value, path=[key])
        else:
            yield from validator.descend(value, rule, path=key)


def _required(validator: Any, names: list[str], instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, Mapping):
        for name in names:
            if name not in instance:
                yield jsonschema.ValidationError("is required", path=[name], instance=MISSING)


def _multiple_of(validator: Any, factor: Any, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    # In floating point 19.9 is no multiple of 0.01.
    if validator.is_type(instance, "number") and Fraction(str(instance)) % Fraction(str(factor)):
        yield jsonschema.ValidationError(f"is not a multiple of {factor}")


def _counted(follow: Callable[..., Any]) -> Callable[..., Iterator[jsonschema.ValidationError]]:
    """Bound the references followed in one check: a small schema can multiply them exponentially."""

    def reference(validator: Any, ref: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
        _references.left -= 1
        if _references.left < 0:
            raise TimeoutError(f"it follows more than {MOST_REFERENCES:,} references for one value")
        yield from follow(validator, ref, instance, schema) or ()

    return reference


StandardValidator = jsonschema.Draft202012Validator
OwnValidator = _extend(
    StandardValidator,
    # To Explo 213.0 is not the data source 213, though to JSON Schema both are integers.
    type_checker=StandardValidator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
TeamValidator = _extend(
    StandardValidator,
    {
        "$ref": _counted(StandardValidator.VALIDATORS["$ref"]),
        "$dynamicRef": _counted(StandardValidator.VALIDATORS["$dynamicRef"]),
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "required": _required,
    },
)
