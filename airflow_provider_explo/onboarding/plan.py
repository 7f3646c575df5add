"""Wanted against found: where a group that was there before differs from its tenant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


def difference(tenant: Tenant, differing: Collection[str], *, details: Mapping[str, Any]) -> dict[str, Any]:
    """What to send so that an existing group becomes as asked.

    :param differing: the fields that :func:`drift` named.
    :param details: as for :func:`drift`. The older endpoints never show a group's mapping, so a wanted one is sent.
    :returns: some of ``name``, ``mapping``, ``properties``, with the tenant's values.
    """
    hidden = tenant.mapping is not None and not any(key in details for key in MAPPING_KEYS)
    wanted = {"name": tenant.name, "mapping": tenant.mapping, "properties": tenant.properties}
    return {field: value for field, value in wanted.items() if field in differing or (field == "mapping" and hidden)}


def _mapping(found: Any) -> Any:
    return canonical_mapping(found) if isinstance(found, Mapping) else found


def _differ(wanted: Any, found: Any) -> bool:
    # Explo stores "none given" as null.
    return canonical(wanted or None) != canonical(found or None)
