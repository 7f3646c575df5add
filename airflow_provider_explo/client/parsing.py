"""From an answer to a user group: checked for the documented shape before anything of it is believed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_explo.client.errors import api_error
from airflow_provider_explo.client.models import Request, Response, UserGroup
from airflow_provider_explo.exceptions import ExploApiError, ExploProtocolError

SECRET_WORDS = ("token", "jwt", "secret")
# What the caller wrote there is the caller's: a key of theirs may well be called "token".
FREE_FORM = ("properties", "computed_properties")
LEAST_TOKEN_LENGTH_TO_SEARCH = 8


def user_group(
    call: Request, answer: Response, *, key: str, provided_id: str | None, flag: str | None = None
) -> UserGroup:
    """Read the group under ``key``.

    :param provided_id: the id that was sent and must come back; None where a token was sent instead.
    :param flag: the answer's key that says whether the group is new, or None where the endpoint does not say.
    :raises ExploProtocolError: the token is missing, or the group is another tenant's, or the flag is no boolean.
    """
    wrong = _wrong(answer.payload.get(key), provided_id)
    if wrong is None and flag and not isinstance(answer.payload.get(flag), bool):
        wrong = f"{flag!r} is missing or not a boolean"
    if wrong is not None:
        raise _protocol_error(call, answer, wrong)
    new = answer.payload[flag] if flag else None
    known = None if answer.after_ambiguous and new is False else new
    return _believed(answer.payload[key], new=known)


def user_groups(call: Request, answer: Response) -> list[UserGroup]:
    """Read one page of the customer list; older versions of Explo spell its keys in camelCase.

    :raises ExploProtocolError: a row has no id or no token, or there is no list.
    """
    results = answer.payload.get("results")
    rows = results.get("customers") if isinstance(results, Mapping) else None
    if not isinstance(rows, list):
        raise _protocol_error(call, answer, "there is no list under results.customers")
    rows = [_snake_case(row) for row in rows]
    wrong = next(filter(None, (_wrong(row, None) for row in rows)), None)
    if wrong is not None:
        del rows, results
        raise _protocol_error(call, answer, f"a row of the list is not a customer: {wrong}")
    return [_believed(row) for row in rows]


def total(answer: Response) -> int | None:
    """How many customers the whole list has, where the page says so."""
    found = next((answer.payload[key] for key in ("total_count", "totalCount", "count") if key in answer.payload), None)
    return found if isinstance(found, int) else None


def text(call: Request, answer: Response, key: str) -> str:
    """Read a non-empty string under ``key``.

    :raises ExploProtocolError: it is missing.
    """
    value = answer.payload.get(key)
    if not isinstance(value, str) or not value.strip():
        del value
        raise _protocol_error(call, answer, f"{key!r} is missing")
    return value


def _protocol_error(call: Request, answer: Response, words: str) -> ExploApiError:
    words = (
        f"not Explo's documented answer: {words}; nothing of it was saved; check the connection's host and its extra "
        "'api', and what stands between here and Explo"
    )
    return api_error(ExploProtocolError, call, words, status=answer.status)


def _wrong(group: Any, provided_id: str | None) -> str | None:
    if not isinstance(group, Mapping):
        return "the group is missing"
    token, found = group.get("token"), group.get("provided_id")
    if not isinstance(token, str) or not token.strip():
        return "the token is missing"
    if not isinstance(found, str):
        return "provided_id is missing"
    if provided_id is not None and found != provided_id:
        named = f" (provided_id {found[:255]!r})" if token not in found else ""
        return f"it is another tenant's group{named}"
    if not isinstance(group.get("name"), (str, type(None))):
        return "the name is not a string"
    return None


def _believed(group: Mapping[str, Any], *, new: bool | None = None) -> UserGroup:
    token = group["token"]
    details = {
        key: value
        for key, value in group.items()
        if key not in ("token", "provided_id", "name") and not _secret(key, value, token)
    }
    return UserGroup(
        provided_id=group["provided_id"], token=token, name=group.get("name"), new_user_group=new, details=details
    )


def _secret(key: str, value: Any, token: str) -> bool:
    """Whether a field of the answer may give a token away: by a name in it, or because it repeats the token."""
    for name, text in _texts({key: value}):
        if name and (key not in FREE_FORM) and any(word in text.lower() for word in SECRET_WORDS):
            return True
        if len(token) >= LEAST_TOKEN_LENGTH_TO_SEARCH and token in text:
            return True
    return False


def _texts(value: Any) -> Iterator[tuple[bool, str]]:
    """Every text in a JSON value, however deep, and whether it is a key."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            yield from ((True, key) for key in item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str):
            yield False, item


def _snake_case(row: Any) -> Any:
    if not isinstance(row, Mapping):
        return row
    renamed = {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower(): value for key, value in row.items()}
    return {**renamed, **{key: value for key, value in row.items() if key in renamed}}
