"""One tenant's requests: get or create, then update what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_explo.exceptions import ExploRefusedError, message, preview
from airflow_provider_explo.sync.actual import compare
from airflow_provider_explo.sync.plan import Change

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup


@dataclass(frozen=True, kw_only=True)
class Upserted:
    """A tenant whose group is in Explo.

    :param group: as Explo returned it last, with what the first response said about newness.
    :param kind: what was done.
    :param drift: the fields in which an existing group differed before it was updated.
    :param remaining_drift: those in which it differs now.
    :param sent: the fields that an update sent.
    :param in_sync: Explo is known to hold what is wanted.
    """

    group: UserGroup
    kind: Literal["created", "existing", "updated"]
    drift: tuple[str, ...] = ()
    remaining_drift: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    in_sync: bool = True


def upsert(change: Change, client: ExploClient, *, if_exists: str) -> Upserted:
    """Send the requests of a change.

    :param if_exists: ``keep``, ``update`` or ``fail``, for a group that exists.
    :raises ExploRefusedError: the group exists, and ``if_exists`` is ``fail``.
    :raises ExploApiError: one of its kinds.
    """
    tenant = change.tenant
    assert tenant is not None
    content = tenant.content()
    if change.action == "update":
        return _update(change, client, content)
    group = client.create_user_group(user_group_id=tenant.user_group_id, **content)
    if group.new_user_group:
        return Upserted(group=group, kind="created")
    comparison = compare(tenant, group)
    if if_exists == "fail" and (group.new_user_group is False or comparison.drift):
        raise ExploRefusedError(
            message(
                f"tenant {preview(tenant.user_group_id)}: user group already exists, and if_exists is 'fail'",
                fix="use if_exists='keep' or 'update' where that is expected",
            )
        )
    # By the token table, Explo holds what this response does not show.
    unknown = () if change.in_sync else comparison.unknown
    if if_exists == "update" and (differing := {*comparison.drift, *unknown}):
        fields = {name: value for name, value in content.items() if name in differing}
        updated = _update(change, client, fields)
        group = replace(updated.group, new_user_group=group.new_user_group)
        return replace(updated, group=group, drift=comparison.drift)
    return Upserted(
        group=group,
        kind="existing",
        drift=comparison.drift,
        remaining_drift=comparison.drift,
        in_sync=not comparison.drift and not unknown,
    )


def _update(change: Change, client: ExploClient, fields: Mapping[str, Any]) -> Upserted:
    assert change.tenant is not None
    group = client.update_user_group(user_group_id=change.tenant.user_group_id, **fields)
    remaining_drift = compare(change.tenant, group).drift
    return Upserted(group=group, kind="updated", remaining_drift=remaining_drift, sent=tuple(fields))
