"""Wanted against found: where a group that was there before differs from its tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_explo.onboarding.content import canonical, canonical_mapping
from airflow_provider_explo.onboarding.tenant import Tenant

MAPPING_KEYS = ("mapping", "parent_schema_datasource_mapping")


def drift(tenant: Tenant, *, name: str | None, details: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields in which an existing group differs from what was asked.

    A field that was not asked for cannot differ, and one that Explo's answer does not show is not known to.

    :param name: as Explo has it.
    :param details: the rest of Explo's answer.
    :returns: some of ``name``, ``mapping``, ``properties``, in that order.
    """
    differing = []
    if name is not None and name != tenant.name:
        differing.append("name")
    shown = next((key for key in MAPPING_KEYS if key in details), None)
    if tenant.mapping is not None and shown and _differ(canonical_mapping(tenant.mapping), _mapping(details[shown])):
        differing.append("mapping")
    if tenant.properties is not None and "properties" in details and _differ(tenant.properties, details["properties"]):
        differing.append("properties")
    return tuple(differing)


def mapping_is_hidden(details: Mapping[str, Any]) -> bool:
    """Whether Explo's answer leaves open which mapping the group has, as those of the older endpoints do."""
    return not any(key in details for key in MAPPING_KEYS)


def _mapping(found: Any) -> Any:
    return canonical_mapping(found) if isinstance(found, Mapping) else found


def _differ(wanted: Any, found: Any) -> bool:
    # Explo stores "none given" as null.
    return canonical(wanted or None) != canonical(found or None)
