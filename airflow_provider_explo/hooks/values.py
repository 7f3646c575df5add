"""Values of a connection's extra. JSON keeps their types; in a URI every one is text."""

from __future__ import annotations

import json
from typing import Any

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def text(value: Any) -> str:
    """Read text.

    :raises ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {value!r}")
    return value.strip()


def number(value: Any) -> float:
    """Read a number, also from text.

    :raises ValueError: it is none.
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a number, found {value!r}") from None
    return int(found) if found.is_integer() else found


def flag(value: Any) -> bool:
    """Read true or false, also from text.

    :raises ValueError: it is neither.
    """
    if isinstance(value, bool):
        return value
    try:
        return _FLAGS[str(value).strip().lower()]
    except KeyError:
        raise ValueError(f"expected true or false, found {value!r}") from None


def flag_or_text(value: Any) -> bool | str:
    """Read true, false, or any other text.

    :raises ValueError: it is a value of another type.
    """
    try:
        return flag(value)
    except ValueError:
        return text(value)


def text_object(value: Any) -> dict[str, str]:
    """Read an object of texts, also from JSON text. The value may hold a password, so it is not shown.

    :raises ValueError: it is something else.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError('expected an object of texts, such as {"https": "http://proxy.example.com:3128"}')
    return value
