"""From a response to user groups: nothing is taken from one that does not have the documented shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from airflow_provider_explo.client.errors import api_error
from airflow_provider_explo.client.models import Request, Response, UserGroup
from airflow_provider_explo.exceptions import ExploApiError, ExploProtocolError, preview

SECRET_WORDS = ("token", "jwt", "secret")
# What the caller wrote there is the caller's: a key of theirs may well be called "token".
FREE_FORM = ("properties", "computed_properties")
MIN_TOKEN_LENGTH_TO_SEARCH = 8


def parse_user_group(
    request: Request, response: Response, *, key: str, user_group_id: str | None = None, flag: str | None = None
) -> UserGroup:
    """Parse the group under ``key``.

    :param user_group_id: the id that was sent and must come back; None where a token was sent instead.
    :param flag: the response's key that says whether the group is new, or None where the endpoint does not say.
    :raises ExploProtocolError: the token is missing, the group is another tenant's, or the flag is not a boolean.
    """
    error = _find_error(response.payload.get(key), user_group_id)
    if error is None and flag and not isinstance(response.payload.get(flag), bool):
        error = f"{flag!r} is missing or not a boolean"
    if error is not None:
        raise unexpected_response(request, response, error)
    new = response.payload[flag] if flag else None
    return _parse_group(response.payload[key], new=None if response.after_ambiguous and new is False else new)


def parse_page(request: Request, response: Response) -> list[UserGroup]:
    """Parse one page of the customer list; older versions of Explo spell its keys in camelCase.

    :raises ExploProtocolError: a row has no id or no token, or there is no list.
    """
    results = response.payload.get("results")
    rows = results.get("customers") if isinstance(results, Mapping) else None
    if not isinstance(rows, list):
        del rows, results
        raise unexpected_response(request, response, "there is no list under results.customers")
    rows = [_snake_case(row) for row in rows]
    errors = (f"row {number}: {error}" for number, row in enumerate(rows, 1) if (error := _find_error(row)))
    error = next(errors, None)
    if error is not None:
        del rows, results
        raise unexpected_response(request, response, error)
    return [_parse_group(row) for row in rows]


def parse_group_tags(request: Request, response: Response) -> list[str]:
    """Parse the names of the group tags.

    :raises ExploProtocolError: there is no list, or a tag has no name.
    """
    tags = response.payload.get("group_tags")
    names: list[Any] = [tag.get("name") for tag in tags if isinstance(tag, Mapping)] if isinstance(tags, list) else []
    if not isinstance(tags, list) or len(tags) != len(names) or not all(isinstance(name, str) for name in names):
        raise unexpected_response(request, response, "there is no list of named tags under group_tags")
    return names


def total_count(response: Response) -> int | None:
    """How many customers the whole list has, where the page says so."""
    keys = ("total_count", "totalCount", "count")
    count = next((response.payload[key] for key in keys if key in response.payload), None)
    return count if isinstance(count, int) else None


def parse_text(request: Request, response: Response, key: str) -> str:
    """Parse a non-empty string under ``key``.

    :raises ExploProtocolError: it is missing.
    """
    value = response.payload.get(key)
    if not isinstance(value, str) or not value.strip():
        del value
        raise unexpected_response(request, response, f"{key!r} is missing")
    return value


def unexpected_response(request: Request, response: Response, error: str) -> ExploApiError:
    """The error for a 2xx response that is not what Explo documents."""
    summary = f"unexpected response: {error}; nothing was saved"
    fix = "check the connection's host and extra 'api', and any proxy or gateway in between"
    return api_error(ExploProtocolError, request, summary, fix=fix, status=response.status)


def _find_error(group: Any, user_group_id: str | None = None) -> str | None:
    if not isinstance(group, Mapping):
        return "the user group is missing"
    token, provided_id = group.get("token"), group.get("provided_id")
    if not isinstance(token, str) or not token.strip():
        return "the token is missing"
    if not token.isprintable():
        return "the token holds control characters"
    if not isinstance(provided_id, str):
        return "provided_id is missing"
    if user_group_id is not None and provided_id != user_group_id:
        named = f" (provided_id {preview(provided_id)})" if token not in provided_id else ""
        return f"it is another tenant's user group{named}"
    if not isinstance(group.get("name"), (str, type(None))):
        return "the name is not a string"
    return None


def _parse_group(group: Mapping[str, Any], *, new: bool | None = None) -> UserGroup:
    token = group["token"]
    details = {
        key: value
        for key, value in group.items()
        if key not in ("token", "provided_id", "name") and not _may_hold_secret(key, value, token)
    }
    return UserGroup(
        provided_id=group["provided_id"], token=token, name=group.get("name"), new_user_group=new, details=details
    )


def _may_hold_secret(key: str, value: Any, token: str) -> bool:
    """Whether a field of the response may give a token away: by a name in it, or because it repeats the token."""
    if key not in FREE_FORM and _names_secret(key):
        return True
    keys, texts = [key], []
    if isinstance(value, str):
        texts.append(value)
    elif value and isinstance(value, (dict, list)):
        _collect(value, keys, texts)
        if key not in FREE_FORM and any(map(_names_secret, keys)):
            return True
    # A token has no control characters: it is not found across two texts.
    return len(token) >= MIN_TOKEN_LENGTH_TO_SEARCH and token in "\0".join(keys + texts)


def _collect(value: Any, keys: list[str], texts: list[str]) -> None:
    """Collect all keys and strings in a JSON value."""
    stack = [value]
    # However deep it is: no recursion.
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            keys += item
            stack += item.values()
        elif isinstance(item, list):
            stack += item


# Responses repeat their keys.
@lru_cache(1000)
def _names_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_WORDS)


def _snake_case(row: Any) -> Any:
    if not isinstance(row, Mapping):
        return row
    renamed = {_snake_case_key(key): value for key, value in row.items()}
    return {**renamed, **{key: value for key, value in row.items() if key in renamed}}


@lru_cache(1000)
def _snake_case_key(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
