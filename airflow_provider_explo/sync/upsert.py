"""One tenant's step, carried out: get or create, or update, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from airflow_provider_explo.exceptions import ExploRefusedError
from airflow_provider_explo.sync.plan import difference, drift, hides_mapping
from airflow_provider_explo.tenants.tenant import Tenant

if TYPE_CHECKING:
    from airflow_provider_explo.client.models import UserGroup


class Explo(Protocol):
    """The two calls that onboarding needs: ``ExploClient`` and ``ExploHook`` have them."""

    def create_user_group(
        self,
        *,
        user_group_id: str,
        name: str,
        mapping: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> UserGroup: ...

    def update_user_group(
        self,
        *,
        user_group_id: str,
        name: str | None = None,
        mapping: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> UserGroup: ...


@dataclass(frozen=True, kw_only=True)
class Onboarded:
    """A tenant whose group is in Explo.

    :param group: as Explo answered last, with what the first answer said about newness.
    :param kind: what was done.
    :param found: the fields in which an existing group differed before it was updated.
    :param left: those in which it differs now.
    :param sent: the fields that an update sent.
    :param settled: Explo holds what was asked, or was told to.
    :param mapping_hidden: all that Explo showed is as asked, and it did not show the mapping.
    """

    group: UserGroup
    kind: Literal["created", "existing", "updated"]
    found: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    settled: bool = True
    mapping_hidden: bool = False


def get_or_create(tenant: Tenant, explo: Explo, *, if_exists: str) -> Onboarded:
    """Make the tenant's group, or take the one that is there as ``if_exists`` says.

    :raises ExploRefusedError: it was there before, and ``if_exists`` is ``fail``.
    :raises ExploApiError: one of its kinds.
    """
    group = explo.create_user_group(
        user_group_id=tenant.user_group_id, name=tenant.name, mapping=tenant.mapping, properties=tenant.properties
    )
    if group.new_user_group:
        return Onboarded(group=group, kind="created")
    found = drift(tenant, name=group.name, details=group.details)
    if if_exists == "fail" and (group.new_user_group is False or found):
        raise ExploRefusedError(
            f"tenant {tenant.user_group_id!r}: its user group was there before this task, and if_exists is 'fail'; "
            "use 'keep' or 'update' where that is expected"
        )
    changes = difference(tenant, found, details=group.details) if if_exists == "update" else {}
    if not changes:
        hidden = not found and hides_mapping(tenant, details=group.details)
        settled = not (found or hidden)
        return Onboarded(group=group, kind="existing", found=found, left=found, settled=settled, mapping_hidden=hidden)
    updated = replace(
        explo.update_user_group(user_group_id=tenant.user_group_id, **changes), new_user_group=group.new_user_group
    )
    left = drift(tenant, name=updated.name, details=updated.details)
    return Onboarded(group=updated, kind="updated", found=found, left=left, sent=tuple(changes))


def update(tenant: Tenant, explo: Explo) -> Onboarded:
    """Send a tenant's whole content to its group, which is known to be there.

    :raises ExploApiError: one of its kinds.
    """
    wanted: dict[str, Any] = {"name": tenant.name, "mapping": tenant.mapping, "properties": tenant.properties}
    changes: dict[str, Any] = {field: value for field, value in wanted.items() if value is not None}
    group = explo.update_user_group(user_group_id=tenant.user_group_id, **changes)
    left = drift(tenant, name=group.name, details=group.details)
    return Onboarded(group=group, kind="updated", left=left, sent=tuple(changes))
