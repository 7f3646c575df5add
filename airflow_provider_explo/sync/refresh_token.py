"""One tenant's token replaced, and saved: whatever is lost or killed on the way, a retry ends with Explo's token saved.

Refreshing is not safe to repeat: the first time kills the token that the second would send. So Explo is asked which
token is valid, before the first attempt and after each that may have been carried out.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.exceptions import ExploApiError, ExploProtocolError, message, preview
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.lookup import REFUSALS, find_group, no_such_group, refused_although_there
from airflow_provider_explo.sync.save import with_retries
from airflow_provider_explo.sync.shutdown import NO_RESPONSE
from airflow_provider_explo.sync.single import Backoff, Sleep, save_valid_token, without_frames
from airflow_provider_explo.tenants.content_hash import UNSETTLED

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.sql.token_table import TokenTable

MAX_NAME_LENGTH = 255


@without_frames
def refresh_token(
    client: ExploClient,
    tokens: TokenTable | None,
    user_group_id: str,
    *,
    token: str | None = None,
    sleep: Sleep = time.sleep,
    in_flight: MutableMapping[str, str] | None = None,
    retry: RetryPolicy | None = None,
) -> UserGroup:
    """Replace a tenant's token, and save the new one.

    :param tokens: where the new token is saved, or None.
    :param token: what is sent where Explo does not say which token is valid; else the table's.
    :param sleep: waits so many seconds.
    :param in_flight: by tenant, what came of the request, for as long as it is not saved.
    :returns: the group with its new token, which is also the saved one.
    :raises ExploConfigError: the row is another connection's; nothing was sent.
    :raises ExploRefusedError: there is no such group, or Explo refuses.
    :raises ExploError: one of its kinds.
    """
    # A row that is another connection's is noticed before the token is dead.
    row = tokens.known([user_group_id]).get(user_group_id) if tokens is not None else None
    backoff = Backoff(client, sleep=sleep, retry=retry)
    in_flight = {} if in_flight is None else in_flight

    def write(group: UserGroup) -> None:
        in_flight[user_group_id] = "token_updated"
        if tokens is not None:
            with_retries(lambda: _save(tokens, group), sleep)

    try:
        group = find_group(client, user_group_id)
    except REFUSALS:
        candidate = token or (row.token if row is not None else None)
        if candidate is None:
            raise
        in_flight[user_group_id] = NO_RESPONSE
        group = client.refresh_user_group_token(current_token=candidate, user_group_id=user_group_id)
        if group.token == candidate:
            raise _not_replaced(user_group_id) from None
        write(group)
        return group
    if group is None:
        raise no_such_group(user_group_id, operation="refresh the token of")
    in_flight[user_group_id] = NO_RESPONSE
    return save_valid_token(client, _refresh(client, group, backoff), write)


def _refresh(client: ExploClient, group: UserGroup, backoff: Backoff) -> UserGroup:
    """:returns: the group with another token, whoever replaced it."""
    user_group_id = group.provided_id
    while True:
        try:
            refreshed = client.refresh_user_group_token(current_token=group.token, user_group_id=user_group_id)
            if refreshed.token != group.token:
                return refreshed
            error: ExploApiError = _not_replaced(user_group_id)
        except ExploApiError as refused:
            error = refused
        if not error.ambiguous and not isinstance(error, REFUSALS):
            raise error
        current = find_group(client, user_group_id)
        if current is None:
            raise no_such_group(user_group_id, operation="refresh the token of")
        if current.token != group.token:
            # This attempt was carried out after all, or another task was faster.
            return current
        if isinstance(error, REFUSALS):
            raise refused_although_there(user_group_id, error)
        backoff.wait(error)


def _not_replaced(user_group_id: str) -> ExploProtocolError:
    summary = f"tenant {preview(user_group_id)}: Explo returned the same token: it was not replaced"
    return ExploProtocolError(message(summary, fix="replace it in Explo by hand, and report this to Explo"))


def _save(tokens: TokenTable, group: UserGroup) -> None:
    if not tokens.edit(group.provided_id, lambda row: replace(row, token=group.token)):
        name = (group.name or group.provided_id)[:MAX_NAME_LENGTH]
        # No content: the next run compares all of it.
        tokens.save(TokenRow(user_group_id=group.provided_id, name=name, token=group.token, content_hash=UNSETTLED))
