"""Wanted against known: what is to be done for a tenant, and where a group that was there before differs from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_explo.tenants.content_hash import canonical, is_hash_of, is_settled
from airflow_provider_explo.tenants.tenant import Tenant, data_sources_as_text

Action = Literal["create", "update", "unchanged", "drift", "refuse", "reject"]
MAPPING_KEYS = ("mapping", "parent_schema_datasource_mapping")


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is to be done for one tenant.

    :param action: ``create`` (get or create) and ``update`` call Explo; ``unchanged``, ``drift`` (an existing group is
        kept though it differs), ``refuse`` (it should not exist) and ``reject`` (bad input) do not.
    :param reason: why, in words.
    """

    action: Action
    reason: str

    @property
    def calls(self) -> bool:
        """Whether it takes a call."""
        return self.action in ("create", "update")


def step(tenant: Tenant, *, stored: str | None, if_exists: str) -> Step:
    """Decide about a tenant by what the token table says.

    :param stored: the content hash that stands there, or None where the tenant does not.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    """
    if stored is None:
        return Step(action="create", reason="not in the token table")
    if is_hash_of(tenant, stored):
        if is_settled(stored) or if_exists != "update":
            return Step(action="unchanged", reason="sent before, with the same content")
        return Step(action="update", reason="its group was there before, and may differ in Explo")
    if if_exists == "update":
        return Step(action="update", reason="the content differs from what was sent before")
    if if_exists == "keep":
        return Step(action="drift", reason="the content differs from what was sent before; if_exists is 'keep'")
    return Step(
        action="refuse",
        reason="its user group is there already, with other content, and if_exists is 'fail'; use 'keep' or 'update'",
    )


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
    wanted = data_sources_as_text(tenant.mapping)
    if tenant.mapping is not None and shown and _differ(wanted, data_sources_as_text(details[shown])):
        differing.append("mapping")
    if tenant.properties is not None and "properties" in details and _differ(tenant.properties, details["properties"]):
        differing.append("properties")
    return tuple(differing)


def hides_mapping(tenant: Tenant, *, details: Mapping[str, Any]) -> bool:
    """Whether Explo's answer leaves open if the group has the wanted mapping: the older endpoints never show one."""
    return tenant.mapping is not None and not any(key in details for key in MAPPING_KEYS)


def difference(tenant: Tenant, differing: Collection[str], *, details: Mapping[str, Any]) -> dict[str, Any]:
    """What to send so that an existing group becomes as asked.

    :param differing: the fields that :func:`drift` named.
    :param details: as for :func:`drift`; a wanted mapping that it hides is sent too.
    :returns: some of ``name``, ``mapping``, ``properties``, with the tenant's values.
    """
    hidden = hides_mapping(tenant, details=details)
    wanted = {"name": tenant.name, "mapping": tenant.mapping, "properties": tenant.properties}
    return {field: value for field, value in wanted.items() if field in differing or (field == "mapping" and hidden)}


def _differ(wanted: Any, found: Any) -> bool:
    # Explo stores "none given" as null.
    return canonical(wanted or None) != canonical(found or None)
