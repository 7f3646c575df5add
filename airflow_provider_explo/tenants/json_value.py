"""From what Python hands over to plain JSON values: nothing lost, nothing guessed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import Problem, json_path, preview

DEEPEST = 100
LARGEST_EXPONENT = 307

_INSTEAD: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((bytes, bytearray, memoryview), "write text, for binary data its base64"),
    ((set, frozenset), "write a list"),
    ((date, time), "write ISO 8601 text, .isoformat() in Python"),
)


def parse(text: str, path: str) -> tuple[Any, list[Problem]]:
    """Read a field that came as JSON text.

    :returns: the value and no problem, or None and what is wrong.
    """
    try:
        return json_values.loads(text), []
    except ValueError as error:
        remedy = "correct the text"
        if text.lstrip()[:1] in ("{", "[") and "'" in text:
            remedy = "it looks like Python's notation: in a template write {{ … | tojson }}"
        elif text.strip() in ("None", ""):
            remedy = "for no value give NULL, None or the text null; in a template write {{ … | tojson }}"
        return None, [Problem(path=path, found=preview(text), expected=f"JSON ({error})", fix=remedy)]


def plain(value: Any, path: str) -> tuple[Any, list[Problem]]:
    """Turn tuples, other mappings and subclasses into lists, dicts and plain values.

    :returns: the value, and one problem for every part of it that is not JSON.
    """
    problems: list[Problem] = []
    return _plain(value, path, 1, problems), problems


def _plain(value: Any, path: str, depth: int, problems: list[Problem]) -> Any:
    if depth > DEEPEST:
        problems.append(
            Problem(
                path=path if len(path) < 200 else f"{path[:100]}…",
                found="a value nested deeper",
                expected=f"at most {DEEPEST} levels",
                fix="flatten it, or look for a value that holds itself",
            )
        )
        return None
    if isinstance(value, Mapping):
        problems.extend(_key_problems(value, path))
        return {
            str(key): _plain(item, json_path(path, key), depth + 1, problems)
            for key, item in value.items()
            if isinstance(key, str)
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, json_path(path, index), depth + 1, problems) for index, item in enumerate(value)]
    problems.extend(_leaf_problems(value, path))
    return _leaf(value)


def _leaf(value: Any) -> Any:
    """The plain value of a subclass, such as an enumeration's member or numpy's float64."""
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    return float.__float__(value) if isinstance(value, float) else value


def _number(value: Decimal) -> int | float | Decimal:
    """The plain number that a Decimal is, where no digit is lost."""
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        return value
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else value


def _key_problems(value: Mapping[Any, Any], path: str) -> Iterator[Problem]:
    for key in value:
        if not isinstance(key, str):
            yield Problem(
                path=json_path(path, str(key)),
                found=f"the key {preview(key)}",
                expected="a string as key",
                fix=f"write {preview(str(key))}",
            )
        elif _has_surrogate(key):
            yield Problem(path=path, found=f"the key {preview(key)}", expected="text", fix="it is broken Unicode")


def _leaf_problems(value: Any, path: str) -> Iterator[Problem]:
    if value is None or isinstance(value, (bool, int)):
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4096:
            yield Problem(path=path, found="an integer of over 1,000 digits", expected="less", fix="write text")
        return
    if isinstance(value, str):
        if _has_surrogate(value):
            yield Problem(
                path=path, found=preview(value), expected="text", fix="it is broken Unicode (a lone surrogate)"
            )
    elif isinstance(value, (float, Decimal)):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            remedy = "write null; JSON has no NaN or infinity"
            yield Problem(path=path, found=preview(value), expected="a finite number", fix=remedy)
        elif isinstance(value, Decimal) and value and abs(value.adjusted()) > LARGEST_EXPONENT:
            expected = f"a number with an exponent of at most {LARGEST_EXPONENT}, as others could not read it"
            yield Problem(path=path, found=preview(value), expected=expected, fix="write text")
    else:
        remedy = next((words for kinds, words in _INSTEAD if isinstance(value, kinds)), "write text, str() in Python")
        yield Problem(path=path, found=f"a {type(value).__name__}", expected="a JSON value", fix=remedy)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
