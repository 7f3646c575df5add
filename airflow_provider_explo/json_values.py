"""JSON in and out: no NaN, no duplicate key, no digit lost."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_provider_explo.exceptions import MAX_PROBLEMS, Problem, member_path, preview

MAX_DEPTH = 100
MAX_EXPONENT = 307
MAX_INTEGER_BITS = 4096
# Of UTF-8, for the JSON of one tenant.
MAX_TENANT_BYTES = 1024 * 1024

_NUL_OR_SURROGATE = re.compile("[\0\ud800-\udfff]")
_FIX_BY_TYPE: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bytes, bytearray, memoryview), "write text, for binary data its base64"),
    ((set, frozenset), "write a list"),
    ((date, time), "write ISO 8601 text, .isoformat() in Python"),
    ((object,), "write text, str() in Python"),
)


def dumps(value: Any) -> str:
    """Write JSON (mappings, lists, tuples, strings, numbers, booleans, None) as ASCII text.

    Integers of any size and Decimals keep every digit.

    :raises ValueError: for NaN and infinities, and for what is nested too deep to be written.
    :raises TypeError: for a value that JSON does not have.
    """
    try:
        return _write(value)
    except RecursionError:
        raise ValueError("nested too deep") from None


def loads(text: str) -> Any:
    """Read JSON text; a number becomes a Decimal where a float would lose one of its digits.

    :raises ValueError: the text is not JSON, has a duplicate key, or is nested too deep to be read.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def parse(value: Any, path: str) -> tuple[Any, list[Problem]]:
    """Read a field that may be JSON text, or else is a value for :func:`normalize`.

    :returns: the value as plain JSON, and what is wrong with it.
    """
    if not isinstance(value, str):
        return normalize(value, path)
    if (size := _text_size(value)) > MAX_TENANT_BYTES:
        return None, [too_large(path, size)]
    try:
        return normalize(loads(value), path)
    except ValueError as error:
        reason, fix = str(error), "correct the text"
        if value.startswith("\ufeff"):
            reason, fix = "no byte order mark before it", "remove the character \\ufeff"
        elif reason.startswith("Exceeds the limit"):
            reason, fix = "an integer of fewer digits", "write text"
        elif value.lstrip()[:1] in ("{", "[") and "'" in value:
            fix = "this looks like a Python literal: in a template write {{ … | tojson }}"
        elif value.strip() in ("None", ""):
            fix = "for no value give NULL, None or the text null; in a template write {{ … | tojson }}"
        return None, [Problem(path=path, found=preview(value), expected=f"JSON ({reason})", fix=fix)]


def normalize(value: Any, path: str) -> tuple[Any, list[Problem]]:
    """Turn tuples, other mappings and subclasses into lists, dicts and plain values; nothing is guessed.

    :param path: the value's JSON path, for the problems.
    :returns: the value, and one problem for every part of it that is not JSON; of more than 20 only the first.
    """
    problems: list[Problem] = []
    return value if _is_normal(value) else _normalize(value, (path,), problems), problems


def size(value: Any) -> int:
    """Bytes of plain JSON, in UTF-8 and without white space."""
    return _text_size(_COMPACT.encode(value))


def storable(text: str) -> str:
    """Text as every database takes it: the null character and broken Unicode as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def too_large(path: str, size: int, *, total: int | None = None) -> Problem:
    """The problem of JSON that is larger than a tenant's may be.

    :param size: bytes of the value at ``path``.
    :param total: bytes of all of the tenant's JSON, if that is more.
    """
    found = f"{size:,} bytes of JSON" + (f", {total:,} in all fields" if total is not None else "")
    expected = f"at most {MAX_TENANT_BYTES:,} bytes (1 MiB) of JSON for one tenant"
    return Problem(path=path, found=found, expected=expected, fix="leave out what no dashboard needs")


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _write(value: Any) -> str:
    if isinstance(value, str):
        return _ENCODER.encode(value)
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{_ENCODER.encode(_key(key))}:{_write(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_write(item) for item in value]) + "]"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("NaN and infinities are not JSON")
        return str(value)
    return _ENCODER.encode(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON key must be a string, not {type(key).__name__}")
    return key


def _read_number(digits: str) -> float | Decimal:
    number = float(digits)
    if repr(number) == digits:
        return number
    try:
        exact = Decimal(digits)
    except InvalidOperation:
        raise ValueError("a number has an exponent that is too large to be read") from None
    return number if Decimal(repr(number)) == exact else exact


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        duplicate = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"duplicate key {preview(duplicate)}")
    return members


_ENCODER = json.JSONEncoder(allow_nan=False)
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
_DECODER = json.JSONDecoder(parse_float=_read_number, parse_constant=_refuse_constant, object_pairs_hook=_read_object)


def _is_normal(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Whether :func:`_normalize` would return the same and find no problem; quick, since most values are like that."""
    kind = type(value)
    if kind is str:
        return value.isprintable() or not _NUL_OR_SURROGATE.search(value)
    if kind is int:
        return bool(value.bit_length() <= MAX_INTEGER_BITS)
    if kind is dict and levels:
        for key, item in value.items():
            if type(key) is not str or not _is_normal(key) or not _is_normal(item, levels - 1):
                return False
        return True
    if kind is list and levels:
        return all(_is_normal(item, levels - 1) for item in value)
    return value is None or kind is bool or (kind is float and math.isfinite(value))


def _normalize(value: Any, place: tuple[Any, ...], problems: list[Problem]) -> Any:
    """:param place: the path of the whole value, then the keys that lead from there to this part of it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _normalize_text(value, place, problems)
    if isinstance(value, (Mapping, list, tuple)):
        if len(place) > MAX_DEPTH:
            fix = "flatten it, or look for a value that contains itself"
            _report(problems, place, found="a value nested deeper", expected=f"at most {MAX_DEPTH} levels", fix=fix)
            return None
        if not isinstance(value, Mapping):
            return [_normalize(item, (*place, index), problems) for index, item in enumerate(value)]
        members = {}
        for key, item in value.items():
            if isinstance(key, str):
                member = (*place, key)
                members[_normalize_text(key, member, problems)] = _normalize(item, member, problems)
            else:
                name, fix = str(key), f"write {preview(str(key))}"
                found = f"the key {preview(key)}"
                _report(problems, (*place, name), found=found, expected="a string as key", fix=fix)
        return members
    if isinstance(value, int):
        if value.bit_length() > MAX_INTEGER_BITS:
            found = "an integer of over 1,000 digits"
            _report(problems, place, found=found, expected="an integer of fewer digits", fix="write text")
        return int.__int__(value)
    if isinstance(value, (float, Decimal)):
        return _normalize_number(value, place, problems)
    fix = next(fix for types, fix in _FIX_BY_TYPE if isinstance(value, types))
    _report(problems, place, found=f"a {type(value).__name__}", expected="a JSON value", fix=fix)
    return value


def _normalize_text(value: str, place: tuple[Any, ...], problems: list[Problem]) -> str:
    text = str.__str__(value)
    if not text.isprintable() and (unusable := _NUL_OR_SURROGATE.search(text)):
        is_nul = unusable[0] == "\0"
        expected = "text without NUL" if is_nul else "text"
        fix = "remove the character \\x00" if is_nul else "store it as UTF-8; it is broken Unicode (a lone surrogate)"
        _report(problems, place, found=preview(text), expected=expected, fix=fix)
    return text


def _normalize_number(value: float | Decimal, place: tuple[Any, ...], problems: list[Problem]) -> int | float | Decimal:
    """A Decimal stays one only where a float would lose a digit."""
    if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        fix = "write null; JSON has no NaN or infinity"
        _report(problems, place, found=preview(value), expected="a finite number", fix=fix)
        return value
    if isinstance(value, float):
        return float.__float__(value)
    if value and abs(value.adjusted()) > MAX_EXPONENT:
        expected = f"a number with an exponent of at most {MAX_EXPONENT}"
        fix = "write text; other JSON parsers could not read it"
        _report(problems, place, found=preview(value), expected=expected, fix=fix)
        return value
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else value


def _report(problems: list[Problem], place: tuple[Any, ...], *, found: str, expected: str, fix: str) -> None:
    # One more than are shown tells that there are more.
    if len(problems) <= MAX_PROBLEMS:
        path = member_path(place[0], place[1:])
        problems.append(Problem(path=path, found=found, expected=expected, fix=fix))
