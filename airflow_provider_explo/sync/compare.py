"""A user group as Explo returned it, compared with the tenant that is wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.tenants.content_hash import canonical
from airflow_provider_explo.tenants.tenant import FIELDS, Field

if TYPE_CHECKING:
    from airflow_provider_explo.client.models import UserGroup

MISSING = object()
_SORTED = json.JSONEncoder(sort_keys=True, check_circular=False)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Where an existing group differs from what is wanted.

    A field that is not given cannot differ. One that the response does not show is unknown: the older endpoints never
    show a mapping, and none shows the parent.

    :param differences: the fields that differ, each as Explo has it and as it is wanted.
    :param unknown: the given fields that the response does not show.
    """

    differences: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def drift(self) -> tuple[str, ...]:
        """The fields that differ."""
        return tuple(self.differences)


def compare(content: Mapping[str, Any], group: UserGroup) -> Comparison:
    """Compare a tenant's content with the group.

    :param content: from :meth:`~airflow_provider_explo.tenants.tenant.Tenant.content`.
    """
    differences: dict[str, tuple[Any, Any]] = {}
    unknown = []
    for name, wanted in content.items():
        actual = _shown(FIELDS[name], group)
        if actual is MISSING:
            # A response without a name says nothing of it, and every update sends it anyway.
            unknown += [name] if name != "name" else []
        elif _differs(FIELDS[name], wanted, actual):
            differences[name] = (actual, wanted)
    return Comparison(differences=differences, unknown=tuple(unknown))


def _shown(described: Field, group: UserGroup) -> Any:
    if described.name == "name":
        return MISSING if group.name is None else group.name
    for key in described.response_keys:
        if key in group.details:
            return group.details[key]
    return MISSING


def _differs(described: Field, wanted: Any, actual: Any) -> bool:
    if type(wanted) is type(actual) is str:
        return bool(wanted != actual)
    # Explo returns null for a field that was never set.
    left, right = described.comparable(wanted) or None, described.comparable(actual) or None
    # Mostly they are the same, and this tells it in a fraction of the time.
    with suppress(TypeError):
        if _SORTED.encode(left) == _SORTED.encode(right):
            return False
    return canonical(left) != canonical(right)
