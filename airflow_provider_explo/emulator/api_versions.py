"""User group and customer: the same entity in today's words and in two older ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.emulator import fields
from airflow_provider_explo.emulator.group import Group
from airflow_provider_explo.emulator.store import Store

TEAM_ID = 3

_BASIC: dict[str, fields.Reader] = {"name": fields.text, "mapping": fields.ids, "properties": fields.free_object}
_DEMO: dict[str, fields.Reader] = {**_BASIC, "is_demo_group": fields.flag}
_FULL: dict[str, fields.Reader] = {
    **_DEMO,
    "emails": fields.texts,
    "group_tags": fields.texts,
    "hierarchy_level_name": fields.optional_text,
    "parent_provided_id": fields.optional_text,
}


@dataclass(frozen=True)
class Dialect:
    """How one generation of the API calls the entity and its fields."""

    id_field: str
    entity: str
    new_flag: str
    creatable: dict[str, fields.Reader]
    updatable: dict[str, fields.Reader]
    show: Callable[[Store, Group], dict[str, Any]]


def show_embed_user_group(store: Store, group: Group) -> dict[str, Any]:
    """The ``user_group`` object as documented."""
    return {
        "team_id": TEAM_ID,
        "token": group.token,
        "name": group.name,
        "provided_id": group.provided_id,
        "properties": group.properties,
        "api_environment_tag": group.environment_tag,
    }


def show_user_group(store: Store, group: Group) -> dict[str, Any]:
    """The same under ``/api/``, which also knows demo groups."""
    return {**show_embed_user_group(store, group), "is_demo_group": group.is_demo_group}


def show_customer(store: Store, group: Group) -> dict[str, Any]:
    """The Customer object as documented; the computed fields hold the ancestors' too, the nearest winning."""
    line = [group] if group.parent_provided_id is None else [*reversed(store.lineage(group)), group]
    return {
        "token": group.token,
        "name": group.name,
        "provided_id": group.provided_id,
        "is_demo_group": group.is_demo_group,
        "emails": group.emails,
        "group_tags": group.group_tags,
        "properties": group.properties,
        "computed_properties": {key: value for member in line for key, value in (member.properties or {}).items()},
        "access_group": group.visibility_group,
        "parent_schema_datasource_mapping": group.mapping,
        "computed_parent_schema_datasource_mapping": {
            key: value for member in line for key, value in member.mapping.items()
        },
        "hierarchy_level": group.hierarchy_level,
    }


EMBED = Dialect("user_group_id", "user_group", "new_user_group", _BASIC, _BASIC, show_embed_user_group)
USER_GROUP = Dialect("user_group_id", "user_group", "new_user_group", _DEMO, _DEMO, show_user_group)
CUSTOMER = Dialect(
    "provided_id",
    "customer",
    "new_customer",
    _FULL,
    {**_FULL, "new_provided_id": fields.filled_text},
    show_customer,
)
