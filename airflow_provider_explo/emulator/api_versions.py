"""User group and customer: the same entity in today's API and in two older ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_explo.emulator import fields
from airflow_provider_explo.emulator.fields import Reader
from airflow_provider_explo.emulator.store import Group, Store

TEAM_ID = 3

_BASIC: dict[str, Reader] = {"name": fields.text, "mapping": fields.ids, "properties": fields.free_object}
_DEMO: dict[str, Reader] = {**_BASIC, "is_demo_group": fields.flag}
_FULL: dict[str, Reader] = {
    **_DEMO,
    "emails": fields.texts,
    "group_tags": fields.texts,
    "hierarchy_level_name": fields.optional_text,
    "parent_provided_id": fields.optional_text,
}


@dataclass(frozen=True)
class ApiVersion:
    """How one generation of the API names the entity and its fields."""

    id_field: str
    entity: str
    new_flag: str
    fields: Mapping[str, Reader]
    to_json: Callable[[Store, Group], dict[str, Any]]
    only_in_updates: Mapping[str, Reader] = field(default_factory=dict)


def embed_user_group(store: Store, group: Group) -> dict[str, Any]:
    """The ``user_group`` object as documented."""
    return {
        "team_id": TEAM_ID,
        "token": group.token,
        "name": group.name,
        "provided_id": group.provided_id,
        "properties": group.properties,
        "api_environment_tag": group.environment_tag,
    }


def user_group(store: Store, group: Group) -> dict[str, Any]:
    """The same under ``/api/``, which also knows demo groups."""
    return {**embed_user_group(store, group), "is_demo_group": group.is_demo_group}


def customer(store: Store, group: Group) -> dict[str, Any]:
    """The Customer object as documented; the computed fields hold the ancestors' too, the nearest winning."""
    line = store.lineage(group)[::-1]
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


EMBED = ApiVersion("user_group_id", "user_group", "new_user_group", _BASIC, embed_user_group)
USER_GROUP = ApiVersion("user_group_id", "user_group", "new_user_group", _DEMO, user_group)
CUSTOMER = ApiVersion(
    "provided_id", "customer", "new_customer", _FULL, customer, {"new_provided_id": fields.filled_text}
)
