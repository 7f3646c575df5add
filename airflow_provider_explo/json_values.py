"""JSON as it travels: every digit of a number kept, and nothing that is not JSON, in either direction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


def dumps(value: Any) -> str:
    """Write JSON (plain dicts, lists, strings, numbers, booleans, None) as ASCII text.

    Integers of any size and Decimals keep every digit.

    :raises ValueError: for NaN and infinities, and for what is nested too deep to be written.
    :raises TypeError: for a value that JSON does not have.
    """
    try:
        return _written(value)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def loads(text: str) -> Any:
    """Read JSON text; a number becomes a Decimal where a float would lose one of its digits.

    :raises ValueError: where the text is not JSON, names a key twice, or is nested too deep to be read.
    """
    try:
        return json.loads(text, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(_key(key))}:{_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("NaN and infinities are not JSON")
        return str(value)
    return json.dumps(value, allow_nan=False)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON key must be a string, not {type(key).__name__}")
    return key


def _number(digits: str) -> float | Decimal:
    try:
        exact, number = Decimal(digits), float(digits)
    except InvalidOperation:
        raise ValueError("a number has an exponent that is too large to be read") from None
    return number if Decimal(repr(number)) == exact else exact


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found
