"""What can be done to a user group or customer, written once for every version of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.emulator import fields
from airflow_provider_explo.emulator.api_versions import CUSTOMER, ApiVersion
from airflow_provider_explo.emulator.auth import ApiToken
from airflow_provider_explo.emulator.responses import ApiError
from airflow_provider_explo.emulator.state import State
from airflow_provider_explo.emulator.store import Group, IdTaken, new_token

DEFAULT_PAGE_SIZE = 20

_COLUMN = {"hierarchy_level_name": "hierarchy_level", "new_provided_id": "provided_id"}


@dataclass(frozen=True)
class ApiRequest:
    """A request of an authenticated client."""

    state: State
    access: ApiToken
    body: Mapping[str, Any]
    query: Mapping[str, str]


def get_or_create(request: ApiRequest, version: ApiVersion) -> dict[str, Any]:
    """Makes the group, or returns the one that is there, unchanged, whatever else was sent."""
    values = fields.read(
        request.body, {version.id_field: fields.filled_text, **version.fields}, required=(version.id_field, "name")
    )
    provided_id = values.pop(version.id_field)
    group = find(request, provided_id)
    new = group is None
    if group is None:
        create(request, provided_id, values, id_field=version.id_field)
        group = _visible(request, provided_id)
    return {"success": 1, version.new_flag: new, version.entity: version.to_json(request.state.store, group)}


def create(request: ApiRequest, provided_id: str, values: dict[str, Any], *, id_field: str = "provided_id") -> None:
    """A new customer, whose fields were read already. Raises ApiError."""
    _check_references(request, values, group=None)
    access = request.access
    owner = {"visibility_group": access.visibility_group, "environment_tag": access.environment_tag}
    try:
        request.state.store.insert({**_columns(values), **owner, "provided_id": provided_id})
    except IdTaken:
        raise _taken(request, id_field) from None


def update(request: ApiRequest, version: ApiVersion) -> dict[str, Any]:
    """Changes the keys sent, and only those. A key's new value replaces the old one, nothing is merged: a guess."""
    readers = {version.id_field: fields.filled_text, **version.fields, **version.only_in_updates}
    values = fields.read(request.body, readers, required=(version.id_field,))
    provided_id = values.pop(version.id_field)
    group = _visible(request, provided_id)
    _check_references(request, values, group=group)
    try:
        request.state.store.update(group, _columns(values))
    except IdTaken:
        raise _taken(request, "new_provided_id") from None
    group = _visible(request, values.get("new_provided_id", provided_id))
    return {"success": 1, version.entity: version.to_json(request.state.store, group)}


def get(request: ApiRequest) -> dict[str, Any]:
    """A POST that only reads."""
    values = fields.read(request.body, {"provided_id": fields.filled_text}, required=("provided_id",))
    group = _visible(request, values["provided_id"])
    return {"success": 1, "customer": CUSTOMER.to_json(request.state.store, group)}


def delete(request: ApiRequest) -> dict[str, Any]:
    """Wants the group's token, not its id; refuses while the group has children."""
    group = _by_current_token(request)
    if _children(request, group):
        raise ApiError(400, "A customer with children cannot be deleted")
    request.state.store.delete(group)
    return {"success": 1}


def refresh_token(request: ApiRequest, version: ApiVersion) -> dict[str, Any]:
    """A new token for the group; the old one is dead at once."""
    group = _by_current_token(request)
    request.state.store.update(group, {"token": new_token()})
    group = _visible(request, group.provided_id)
    return {"success": 1, version.entity: version.to_json(request.state.store, group)}


def list_page(request: ApiRequest) -> dict[str, Any]:
    """One page of the customers this API token sees. Sizes above the maximum are cut to it: a guess.

    ``parent_provided_id`` and ``hierarchy_level_name`` restrict it; one that is not there matches nothing (a guess).
    """
    page = _whole_number(request.query, "page", default=1)
    spelling = "page_size" if "page_size" in request.query else "pageSize"
    size = _whole_number(request.query, spelling, default=DEFAULT_PAGE_SIZE)
    size = min(size, request.state.settings.max_page_size)
    filters = {
        name: request.query[name] for name in ("parent_provided_id", "hierarchy_level_name") if name in request.query
    }
    where = {"visibility_group": request.access.visibility_group, **_columns(filters)}
    store = request.state.store
    rows = [CUSTOMER.to_json(store, group) for group in store.find(offset=(page - 1) * size, limit=size, **where)]
    return {"total_count": store.count(**where), "results": {"customers": rows}}


def find(request: ApiRequest, provided_id: str) -> Group | None:
    """The customer of this id, if the API token sees it."""
    return request.state.store.get(visibility_group=request.access.visibility_group, provided_id=provided_id)


def _visible(request: ApiRequest, provided_id: str) -> Group:
    group = find(request, provided_id)
    if group is None:
        raise ApiError(404, "No such customer in this API token's data visibility group")
    return group


def _by_current_token(request: ApiRequest) -> Group:
    values = fields.read(request.body, {"current_token": fields.filled_text}, required=("current_token",))
    group = request.state.store.get(visibility_group=request.access.visibility_group, token=values["current_token"])
    if group is None:
        raise ApiError(404, "No customer in this API token's data visibility group has this current_token")
    return group


def _children(request: ApiRequest, group: Group) -> list[Group]:
    store = request.state.store
    return store.find(visibility_group=group.visibility_group, parent_provided_id=group.provided_id)


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_COLUMN.get(field, field): value for field, value in values.items()}


def _check_references(request: ApiRequest, values: dict[str, Any], *, group: Group | None) -> None:
    if tags := values.get("group_tags"):
        known = set(request.state.store.tags())
        if unknown := [tag for tag in tags if tag not in known]:
            raise ApiError(400, f"group_tags must exist; unknown: {', '.join(unknown)}")
    sources = request.state.settings.data_sources_of(request.access.visibility_group)
    if sources is not None and (
        unknown := [item for item in values.get("mapping", {}).values() if item not in sources]
    ):
        raise ApiError(400, f"mapping: no such data source in the data visibility group: {', '.join(unknown)}")
    if group is None or values.keys() & {"hierarchy_level_name", "parent_provided_id"}:
        _check_hierarchy(request, values, group)


def _check_hierarchy(request: ApiRequest, values: dict[str, Any], group: Group | None) -> None:
    """A parent stands at a higher level than its children, so there can be no cycle. No level means the root's."""
    settings = request.state.settings
    if group is None or "hierarchy_level_name" in values:
        level = values["hierarchy_level_name"] = values.get("hierarchy_level_name") or settings.hierarchy_levels[0]
        if level not in settings.hierarchy_levels:
            raise ApiError(400, f"hierarchy_level_name must be one of {', '.join(settings.hierarchy_levels)}")
    else:
        level = group.hierarchy_level
    parent_id = values.get("parent_provided_id", group and group.parent_provided_id)
    if parent_id is not None:
        parent = find(request, parent_id)
        if parent is None:
            raise ApiError(400, "parent_provided_id must be the id of a customer")
        if settings.rank(parent.hierarchy_level) >= settings.rank(level):
            raise ApiError(400, f"parent_provided_id must be of a customer at a higher level than {level}")
    if group and any(
        settings.rank(child.hierarchy_level) <= settings.rank(level) for child in _children(request, group)
    ):
        raise ApiError(400, "hierarchy_level_name must be a higher level than that of the customer's children")


def _taken(request: ApiRequest, field: str) -> ApiError:
    return ApiError(400, f"{field} must be unique in the environment {request.access.environment_tag}")


def _whole_number(query: Mapping[str, str], field: str, *, default: int) -> int:
    value = query.get(field, str(default))
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) > 0):
        raise ApiError(400, f"{field} must be a whole number from 1")
    return int(value)
