"""Requests to Explo's endpoints: path and body, for each of the connection's ``api`` values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_explo.client.models import Request
from airflow_provider_explo.exceptions import ExploConfigError, message, preview
from airflow_provider_explo.tenants.tenant import FIELDS


def entity(api: str) -> str:
    """What the endpoints of an ``api`` call a tenant."""
    return "customer" if api == "customer" else "user_group"


def create_path(api: str) -> str:
    """The path that gets or creates a tenant's user group; only this one is documented below ``/embed/``."""
    return f"{'/embed' if api == 'embed' else '/api'}/create_{entity(api)}/"


def create(api: str, values: Mapping[str, Any]) -> Request:
    """Get or create a tenant's user group.

    :param values: fields by name; None: not sent.
    :raises TypeError: a field is unknown, or a required one is missing.
    :raises ExploConfigError: the ``api`` cannot carry a field.
    """
    required = [name for name, field in FIELDS.items() if field.required]
    body = _body(api, values, required=required, method="create_user_group()")
    # A parent that does not exist must not look like an endpoint that does not.
    may_not_find = values.get("parent_provided_id") is not None
    return _tenant_request(create_path(api), values["user_group_id"], body, may_not_find=may_not_find)


def update(api: str, values: Mapping[str, Any]) -> Request:
    """Change fields of a tenant's user group; parameters and errors as for :func:`create`."""
    body = _body(api, values, required=["user_group_id"], method="update_user_group()")
    return _tenant_request(f"/api/update_{entity(api)}/", values["user_group_id"], body)


def delete(api: str, current_token: str, user_group_id: str | None = None) -> Request:
    return _token_request("DELETE", f"/api/delete_{entity(api)}/", current_token, user_group_id)


def refresh_token(api: str, current_token: str, user_group_id: str | None = None) -> Request:
    return _token_request("POST", f"/api/refresh_{entity(api)}_token/", current_token, user_group_id)


def get(user_group_id: str) -> Request:
    return _tenant_request("/api/get_customer/", user_group_id, {"provided_id": user_group_id})


def list_page(*, page: int, page_size: int, parent_provided_id: str | None = None) -> Request:
    # Explo's documentation spells the size both ways.
    query: dict[str, Any] = {"page": page, "page_size": page_size, "pageSize": page_size}
    if parent_provided_id is not None:
        query["parent_provided_id"] = parent_provided_id
    return Request(method="GET", path="/v2/api/customers/", query=query, subject=f"page {page}", has_success=False)


def generate_jwt(user_group_id: str, options: Mapping[str, str | None]) -> Request:
    body = {"provided_id": user_group_id, **_drop_none(options)}
    return _tenant_request("/api/generate_jwt/", user_group_id, body)


def list_group_tags() -> Request:
    return Request(method="GET", path="/api/group_tags/")


def create_group_tag(name: str) -> Request:
    path, subject = "/api/create_group_tag/", f"group tag {preview(name)}"
    return Request(method="POST", path=path, body={"name": name}, subject=subject, repeatable=False)


def _body(api: str, values: Mapping[str, Any], *, required: list[str], method: str) -> dict[str, Any]:
    present = _drop_none(values)
    if unknown := [name for name in values if name not in FIELDS]:
        raise TypeError(f"{method}: unknown fields: {', '.join(unknown)}; known fields: {', '.join(FIELDS)}")
    if missing := [name for name in required if name not in present]:
        raise TypeError(f"{method}: missing required fields: {', '.join(missing)}")
    if unsupported := [name for name in present if api not in FIELDS[name].apis]:
        summary = f"{_subject(values['user_group_id'])}: api {api!r} cannot carry {', '.join(unsupported)}"
        raise ExploConfigError(message(summary, fix="set api: customer in the connection's extra"))
    return {field.request_key(api): present[name] for name, field in FIELDS.items() if name in present}


def _tenant_request(path: str, user_group_id: str, body: Mapping[str, Any], *, may_not_find: bool = True) -> Request:
    return Request(method="POST", path=path, body=body, subject=_subject(user_group_id), may_not_find=may_not_find)


def _token_request(method: str, path: str, current_token: str, user_group_id: str | None) -> Request:
    body = {"current_token": current_token}
    subject = "" if user_group_id is None else _subject(user_group_id)
    return Request(method=method, path=path, body=body, subject=subject, repeatable=False, may_not_find=True)


def _subject(user_group_id: str) -> str:
    return f"tenant {preview(user_group_id)}"


def _drop_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
