"""What can be done to a user group or customer, written once for every dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.emulator import fields, jwt
from airflow_provider_explo.emulator.api_versions import CUSTOMER, Dialect
from airflow_provider_explo.emulator.auth import ApiToken
from airflow_provider_explo.emulator.group import Group
from airflow_provider_explo.emulator.responses import Answer, Refusal, documented
from airflow_provider_explo.emulator.store import IdTaken, Store

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 1000

_COLUMN = {"hierarchy_level_name": "hierarchy_level", "new_provided_id": "provided_id"}


@dataclass(frozen=True)
class Call:
    """A request that was let in: who asks, with what, of which store."""

    store: Store
    access: ApiToken
    body: dict[str, Any]
    query: Mapping[str, str]


def get_or_create(call: Call, dialect: Dialect) -> Answer:
    """Makes the group, or returns the one that is there, unchanged, whatever else was sent."""
    readers = {dialect.id_field: fields.filled_text, **dialect.creatable}
    values = fields.read(call.body, readers, required=(dialect.id_field, "name"))
    provided_id = values.pop(dialect.id_field)
    group = call.store.get(call.access.visibility_group, provided_id)
    new = group is None
    if group is None:
        _check_references(call, values)
        try:
            call.store.create(call.access, provided_id, _columns(values))
        except IdTaken:
            raise _taken(call, dialect.id_field) from None
        group = _visible(call, provided_id)
    return documented({"success": 1, dialect.new_flag: new, dialect.entity: dialect.show(call.store, group)})


def update(call: Call, dialect: Dialect) -> Answer:
    """Changes the keys sent, and only those. A key's new value replaces the old one, nothing is merged: a guess."""
    readers = {dialect.id_field: fields.filled_text, **dialect.updatable}
    values = fields.read(call.body, readers, required=(dialect.id_field,))
    provided_id = values.pop(dialect.id_field)
    group = _visible(call, provided_id)
    _check_references(call, values, child=group)
    try:
        call.store.update(group, _columns(values))
    except IdTaken:
        raise _taken(call, "new_provided_id") from None
    group = _visible(call, values.get("new_provided_id", provided_id))
    return documented({"success": 1, dialect.entity: dialect.show(call.store, group)})


def get(call: Call) -> Answer:
    """A POST that only reads."""
    values = fields.read(call.body, {"provided_id": fields.filled_text}, required=("provided_id",))
    group = _visible(call, values["provided_id"])
    return documented({"success": 1, "customer": CUSTOMER.show(call.store, group)})


def delete(call: Call) -> Answer:
    """Wants the group's token, not its id; refuses while the group has children."""
    if not call.store.delete(_by_current_token(call)):
        raise Refusal(400, "A customer with children cannot be deleted")
    return documented({"success": 1})


def refresh_token(call: Call, dialect: Dialect) -> Answer:
    """A new token for the group; the old one is dead at once."""
    group = _by_current_token(call)
    call.store.refresh(group)
    return documented({"success": 1, dialect.entity: dialect.show(call.store, _visible(call, group.provided_id))})


def list_page(call: Call) -> Answer:
    """One page of the customers this API token sees. Sizes above the maximum are cut to it: a guess."""
    page = _whole_number(call.query, "page", default=1)
    spelling = "page_size" if "page_size" in call.query else "pageSize"
    size = min(_whole_number(call.query, spelling, default=DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)
    visible = call.access.visibility_group
    groups = call.store.page(visible, offset=(page - 1) * size, limit=size)
    rows = [CUSTOMER.show(call.store, group) for group in groups]
    return documented({"total_count": call.store.count(visible), "results": {"customers": rows}})


def generate_jwt(call: Call) -> Answer:
    """A short-lived token to embed a dashboard with."""
    readers = {
        "provided_id": fields.filled_text,
        "embed_id": fields.filled_text,
        "key_id": fields.optional_text,
        "expiration": fields.optional_text,
        "embed_origin": fields.optional_text,
    }
    values = fields.read(call.body, readers, required=("provided_id", "embed_id"))
    _visible(call, values["provided_id"])
    key_id, expiration = values.pop("key_id", None), values.pop("expiration", None)
    seconds = jwt.DEFAULT_LIFETIME if expiration is None else jwt.lifetime(expiration)
    return documented({"success": 1, "jwt": jwt.sign(values, seconds=seconds, key_id=key_id)})


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    return {_COLUMN.get(field, field): value for field, value in values.items()}


def _visible(call: Call, provided_id: str) -> Group:
    group = call.store.get(call.access.visibility_group, provided_id)
    if group is None:
        raise Refusal(404, "No such customer in this API token's data visibility group")
    return group


def _by_current_token(call: Call) -> Group:
    values = fields.read(call.body, {"current_token": fields.filled_text}, required=("current_token",))
    group = call.store.by_token(call.access.visibility_group, values["current_token"])
    if group is None:
        raise Refusal(404, "No customer in this API token's data visibility group has this current_token")
    return group


def _check_references(call: Call, values: dict[str, Any], *, child: Group | None = None) -> None:
    if tags := values.get("group_tags"):
        known = set(call.store.tags())
        if unknown := [tag for tag in tags if tag not in known]:
            raise Refusal(400, f"group_tags must exist; unknown: {', '.join(unknown)}")
    if (parent_id := values.get("parent_provided_id")) is not None:
        parent = call.store.get(call.access.visibility_group, parent_id)
        if parent is None:
            raise Refusal(400, "parent_provided_id must be the id of a customer")
        if child is not None and child.provided_id in {
            ancestor.provided_id for ancestor in (parent, *call.store.lineage(parent))
        }:
            raise Refusal(400, "parent_provided_id must not be the customer itself or one below it")


def _taken(call: Call, field: str) -> Refusal:
    return Refusal(400, f"{field} must be unique in the environment {call.access.environment_tag}")


def _whole_number(query: Mapping[str, str], field: str, *, default: int) -> int:
    value = query.get(field, str(default))
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) > 0):
        raise Refusal(400, f"{field} must be a whole number from 1")
    return int(value)
