"""A JSON Schema rule that was broken, in plain words."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from airflow_provider_explo.exceptions import preview

_RULES = {
    "additionalProperties": "no field of this name",
    "contains": "a list with at least one entry of the kind that the rule describes",
    "exclusiveMaximum": "a number below {}",
    "exclusiveMinimum": "a number above {}",
    "maximum": "a number of at most {}",
    "maxItems": "at most {} entries",
    "maxLength": "at most {} characters",
    "maxProperties": "at most {} fields",
    "minimum": "a number of at least {}",
    "minItems": "at least {} entries",
    "minLength": "at least {} characters",
    "minProperties": "at least {} fields",
    "multipleOf": "a multiple of {}",
    "not": "a value that the rule under 'not' does not describe",
    "pattern": "text that matches {}",
    "uniqueItems": "entries that are all different",
}


def expectation(error: jsonschema.ValidationError) -> str:
    """What the broken rule asks for."""
    rule: Any = error.validator_value
    if error.validator == "type":
        return "a value of type " + " or ".join([rule] if isinstance(rule, str) else rule)
    if error.validator == "const":
        return _json(rule)
    if error.validator == "enum":
        return "one of " + ", ".join(map(_json, rule))
    if error.validator == "required":
        return "a value, as this field is required"
    if error.validator in ("anyOf", "oneOf"):
        ways = sorted({expectation(inner) for inner in error.context or ()})
        return f"a value that fits {'one' if error.validator == 'anyOf' else 'exactly one'} of: " + "; ".join(ways)
    template = _RULES.get(str(error.validator))
    return template.format(_json(rule)) if template else preview(error.message)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return preview(value)
