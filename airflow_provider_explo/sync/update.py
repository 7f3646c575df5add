"""One tenant's group changed in some of its fields."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_explo.sync.lookup import REFUSALS, find_group, no_such_group, refused_although_there
from airflow_provider_explo.sync.save import with_retries
from airflow_provider_explo.sync.shutdown import NO_RESPONSE
from airflow_provider_explo.sync.single import Sleep, save_valid_token, without_frames
from airflow_provider_explo.tenants.content_hash import UNSETTLED

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.sql.token_row import TokenRow
    from airflow_provider_explo.sql.token_table import TokenTable
    from airflow_provider_explo.tenants.tenant import Tenant


@without_frames
def update_group(
    client: ExploClient,
    tokens: TokenTable | None,
    tenant: Tenant,
    *,
    sleep: Sleep = time.sleep,
    in_flight: MutableMapping[str, str] | None = None,
) -> UserGroup:
    """Send the fields that a tenant has. Its row in the token table, if there is one, gets name and token.

    :param tokens: the table, if there is one.
    :param tenant: fields without a value stay as they are in Explo.
    :param sleep: waits so many seconds.
    :param in_flight: by tenant, what came of the request, for as long as it is not saved.
    :returns: the group as it is now.
    :raises ExploConfigError: the row is another connection's, or the connection's ``api`` cannot carry a field; nothing
        was sent.
    :raises ExploRefusedError: there is no such group, or Explo refuses.
    :raises ExploError: one of its kinds.
    """
    user_group_id = tenant.user_group_id
    row = tokens.known([user_group_id]).get(user_group_id) if tokens is not None else None
    if tokens is None or row is None:
        return _send(client, tenant)

    def write(group: UserGroup | None, **token: str) -> None:
        name = {} if group is None or group.name is None else {"name": group.name}
        with_retries(lambda: tokens.edit(user_group_id, lambda row: replace(_unsettled(row), **name, **token)), sleep)

    # Before the request: whatever is killed in between, the hash never claims what Explo no longer holds.
    write(None)
    in_flight = {} if in_flight is None else in_flight
    in_flight[user_group_id] = NO_RESPONSE
    group = _send(client, tenant)
    in_flight[user_group_id] = "updated"
    if group.token == row.token:
        write(group)
        return group
    return save_valid_token(client, group, lambda current: write(current, token=current.token))


def _send(client: ExploClient, tenant: Tenant) -> UserGroup:
    try:
        return client.update_user_group(user_group_id=tenant.user_group_id, **tenant.content())
    except REFUSALS as refused:
        error = refused
    try:
        group = find_group(client, tenant.user_group_id)
    except REFUSALS:
        raise error from None
    if group is None:
        raise no_such_group(tenant.user_group_id, operation="update")
    raise refused_although_there(tenant.user_group_id, error)


def _unsettled(row: TokenRow) -> TokenRow:
    return replace(row, content_hash=row.content_hash.removesuffix(UNSETTLED) + UNSETTLED)
