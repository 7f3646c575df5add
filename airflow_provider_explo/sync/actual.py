"""A user group as Explo returned it, compared with the tenant that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.tenants.content_hash import canonical
from airflow_provider_explo.tenants.tenant import CONTENT_FIELDS, Field, Tenant

if TYPE_CHECKING:
    from airflow_provider_explo.client.models import UserGroup

MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Where an existing group differs from what is wanted.

    A field that is not given cannot differ. One that the response does not show is unknown: the older endpoints never
    show a mapping.

    :param drift: the fields that differ.
    :param unknown: the given fields that the response does not show.
    """

    drift: tuple[str, ...]
    unknown: tuple[str, ...]


def compare(tenant: Tenant, group: UserGroup) -> Comparison:
    """Compare each given field of a tenant with the group."""
    shown = {**group.details, "name": MISSING if group.name is None else group.name}
    drift, unknown = [], []
    for field in CONTENT_FIELDS:
        wanted = getattr(tenant, field.name)
        if wanted is None:
            continue
        value = _value(field, shown)
        if value is MISSING:
            # A response without a name says nothing of it, and every update sends it anyway.
            unknown += [field.name] if field.name != "name" else []
        elif _differs(field, wanted, value):
            drift.append(field.name)
    return Comparison(drift=tuple(drift), unknown=tuple(unknown))


def _value(field: Field, shown: Mapping[str, Any]) -> Any:
    return next((shown[key] for key in field.response_keys if key in shown), MISSING)


def _differs(field: Field, wanted: Any, value: Any) -> bool:
    # Explo returns null for a field that was never set.
    return canonical(field.comparable(wanted) or None) != canonical(field.comparable(value) or None)
