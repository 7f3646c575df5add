"""One tenant's requests: get or create, then update what differs; or delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploRefusedError, message, preview
from airflow_provider_explo.sync.compare import compare
from airflow_provider_explo.sync.lookup import find_group, refused_although_there
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.tenants.outcome import Kind

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was done for a tenant.

    :param kind: the outcome.
    :param group: as Explo returned it last, with what the first response said about newness; None once deleted.
    :param differences: the fields in which an existing group differed before it was updated, and how.
    :param remaining_drift: those in which it differs now.
    :param fields: those that an update sent.
    :param in_sync: Explo is known to hold what is wanted.
    """

    kind: Kind
    group: UserGroup | None = None
    differences: Mapping[str, tuple[Any, Any]] | None = None
    remaining_drift: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    in_sync: bool = True


def send(change: Change, client: ExploClient, *, if_exists: str, ambiguous: bool = False) -> Sent:
    """Send the requests of a change.

    :param if_exists: ``keep``, ``update`` or ``fail``, for a group that exists.
    :param ambiguous: an earlier attempt at this change may have been carried out.
    :raises ExploRefusedError: the group exists, and ``if_exists`` is ``fail``.
    :raises ExploApiError: one of its kinds.
    """
    if change.action == "delete":
        return _delete(change, client, ambiguous=ambiguous)
    assert change.tenant is not None
    content = change.tenant.content()
    if change.action == "update":
        # Without Explo's list it is not known what differs.
        names = {*change.differences, *change.unknown} if change.actual is not None else set(content)
        fields = {name: value for name, value in content.items() if name in names}
        return _update(change, client, fields, change.differences)
    return _create(change, client, content, if_exists=if_exists, ambiguous=ambiguous)


def _create(
    change: Change, client: ExploClient, content: Mapping[str, Any], *, if_exists: str, ambiguous: bool
) -> Sent:
    assert change.tenant is not None
    group = client.create_user_group(user_group_id=change.tenant.user_group_id, **content)
    if ambiguous and group.new_user_group is False:
        group = replace(group, new_user_group=None)
    if group.new_user_group:
        return Sent(kind="created", group=group)
    comparison = compare(change.tenant.content(), group)
    if if_exists == "fail" and (group.new_user_group is False or comparison.drift):
        raise ExploRefusedError(
            message(
                f"tenant {preview(change.user_group_id)}: user group already exists, and if_exists is 'fail'",
                fix="use if_exists='keep' or 'update' where that is expected, as once after a run that was killed",
            )
        )
    # By the token table, Explo holds what this response does not show.
    unknown = () if change.in_sync else comparison.unknown
    if if_exists == "update" and (differing := {*comparison.drift, *unknown}):
        fields = {name: value for name, value in content.items() if name in differing}
        sent = _update(change, client, fields, comparison.differences)
        assert sent.group is not None
        return replace(sent, group=replace(sent.group, new_user_group=group.new_user_group))
    return Sent(
        kind="existing",
        group=group,
        differences=comparison.differences,
        remaining_drift=comparison.drift,
        in_sync=not comparison.drift and not unknown,
    )


def _update(
    change: Change, client: ExploClient, fields: Mapping[str, Any], differences: Mapping[str, tuple[Any, Any]]
) -> Sent:
    assert change.tenant is not None
    try:
        group = client.update_user_group(user_group_id=change.user_group_id, **fields)
    except ExploRefusedError as error:
        # The list shows the group: a 404 then means the endpoint.
        raise refused_although_there(change.user_group_id, error) if change.actual is not None else error from None
    remaining_drift = compare(change.tenant.content(), group).drift
    return Sent(
        kind="updated",
        group=group,
        differences=differences,
        remaining_drift=remaining_drift,
        fields=tuple(fields),
    )


def _delete(change: Change, client: ExploClient, *, ambiguous: bool) -> Sent:
    group = change.actual
    if group is None or ambiguous:
        # The token table's token may be another group's by now.
        group = find_group(client, change.user_group_id)
    if group is not None:
        client.delete_user_group(current_token=group.token, user_group_id=change.user_group_id)
    return Sent(kind="deleted")
