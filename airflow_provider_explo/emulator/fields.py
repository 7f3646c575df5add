"""Reads the fields of a JSON body. A wrong type is a 400 that names the field: a guess, as nothing documents it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_explo.emulator.responses import ApiError

Reader = Callable[[str, Any], Any]

MAX_DEPTH = 100


def parse(body: bytes) -> Any:
    """Strict JSON. Raises ValueError, also for NaN, numbers beyond a float, and more than 100 levels (a guess)."""
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # Hardly any body has so many brackets that a closer look is worth its time.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and not _shallow(value, MAX_DEPTH):
        raise ValueError("nested too deeply")
    return value


def text(field: str, value: Any) -> str:
    """A string that can be stored, so no half of a surrogate pair."""
    if not isinstance(value, str):
        raise ApiError(400, f"{field} must be a string")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ApiError(400, f"{field} is not valid Unicode")
    return value


def filled_text(field: str, value: Any) -> str:
    if not text(field, value):
        raise ApiError(400, f"{field} must not be empty")
    return str(value)


def optional_text(field: str, value: Any) -> str | None:
    return None if value is None else text(field, value)


def flag(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ApiError(400, f"{field} must be true or false")
    return value


def texts(field: str, value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ApiError(400, f"{field} must be a list of strings")
    return [text(f"{field}[{index}]", item) for index, item in enumerate(value)]


def ids(field: str, value: Any) -> dict[str, str]:
    """A mapping of ids. Whole numbers are let in, but ids come back as strings, which is documented."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ApiError(400, f"{field} must be an object")
    for key, item in value.items():
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise ApiError(400, f"{field}[{json.dumps(key)}] must be a string")
    return {key: str(item) for key, item in value.items()}


def free_object(field: str, value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise ApiError(400, f"{field} must be an object")
    return value


def read(body: Mapping[str, Any], readers: Mapping[str, Reader], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of the body that have a reader, checked; unknown ones are ignored (a guess).

    A null clears an optional field, and counts as a wrong type in any other (a guess as well).
    """
    for field in required:
        if field not in body:
            raise ApiError(400, f"{field} is required")
    return {field: readers[field](field, value) for field, value in body.items() if field in readers}


def _shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    items = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_shallow(item, levels - 1) for item in items)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number too large")
    return number
