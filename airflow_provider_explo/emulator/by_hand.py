"""Changes that people make in Explo itself, beside the API: they are no requests, and keep to the same rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_explo.emulator import customers, fields
from airflow_provider_explo.emulator.api_versions import CUSTOMER
from airflow_provider_explo.emulator.customers import ApiRequest
from airflow_provider_explo.emulator.state import State
from airflow_provider_explo.emulator.store import Group

DEFAULT_VISIBILITY_GROUP = "production"

_CREATE = {"provided_id": fields.filled_text, **CUSTOMER.fields}
_UPDATE = {**_CREATE, **CUSTOMER.only_in_updates}


def add_many(
    state: State, rows: int | Iterable[Mapping[str, Any]], visibility_group: str = DEFAULT_VISIBILITY_GROUP
) -> None:
    """Add customers, all or none. A number stands for so many with the ids ``tenant-1``, ``tenant-2``, ….

    A customer is a mapping of the fields of ``create_customer``; without ``name``, it has its id for a name.
    Raises ValueError for a customer that is there, an unknown field and a value that the API would refuse.
    """
    if isinstance(rows, int):
        rows = ({"provided_id": f"tenant-{number}", "name": f"Tenant {number}"} for number in range(1, rows + 1))
    if not isinstance(rows, Iterable):
        raise ValueError(f"customers must be a number of them or a list, not {type(rows).__name__}")
    request = _request(state, visibility_group, {})
    with state.store.transaction():
        for row in rows:
            _check_names(row, _CREATE)
            values = fields.read({"name": row.get("provided_id"), **row}, _CREATE, required=("provided_id",))
            customers.create(request, values.pop("provided_id"), values)


def edit(state: State, visibility_group: str, changes: Mapping[str, Any]) -> Group:
    """Change a customer as ``update_customer`` does. Returns it as it is now."""
    _check_names(changes, _UPDATE)
    with state.store.transaction():
        document = customers.update(_request(state, visibility_group, changes), CUSTOMER)
        return get(state, visibility_group, document["customer"]["provided_id"])


def delete(state: State, visibility_group: str, provided_id: str) -> None:
    """Delete a customer that has no children."""
    with state.store.transaction():
        group = get(state, visibility_group, provided_id)
        customers.delete(_request(state, visibility_group, {"current_token": group.token}))


def refresh_token(state: State, visibility_group: str, provided_id: str) -> str:
    """Give a customer a new token. Returns it."""
    with state.store.transaction():
        group = get(state, visibility_group, provided_id)
        customers.refresh_token(_request(state, visibility_group, {"current_token": group.token}), CUSTOMER)
        return get(state, visibility_group, provided_id).token


def get(state: State, visibility_group: str, provided_id: str) -> Group:
    """The customer. Raises ValueError if there is none."""
    group = state.store.get(visibility_group=visibility_group, provided_id=provided_id)
    if group is None:
        raise ValueError(f"no customer {provided_id!r} in the visibility group {visibility_group!r}")
    return group


def _request(state: State, visibility_group: str, body: Mapping[str, Any]) -> ApiRequest:
    return ApiRequest(state, state.authenticator.token_of(visibility_group), body, {})


def _check_names(values: Mapping[str, Any], readers: Mapping[str, fields.Reader]) -> None:
    if not isinstance(values, Mapping):
        raise ValueError(f"a customer must be a mapping of its fields, not {type(values).__name__}")
    if unknown := sorted(values.keys() - readers.keys()):
        raise ValueError(f"a customer has no {', '.join(unknown)}")
