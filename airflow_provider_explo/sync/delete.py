"""One tenant's group deleted, however often that is tried.

Explo wants its token, and not its id. A token that was saved or given may be dead, or another tenant's: so Explo is
asked for it first.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.exceptions import ExploApiError, ExploProtocolError
from airflow_provider_explo.sync.lookup import REFUSALS, find_group, refused_although_there, refused_delete
from airflow_provider_explo.sync.save import with_retries
from airflow_provider_explo.sync.shutdown import NO_RESPONSE
from airflow_provider_explo.sync.single import Backoff, Sleep, without_frames

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.sql.token_table import TokenTable


@without_frames
def delete_group(
    client: ExploClient,
    tokens: TokenTable | None,
    user_group_id: str,
    *,
    token: str | None = None,
    sleep: Sleep = time.sleep,
    in_flight: MutableMapping[str, str] | None = None,
    retry: RetryPolicy | None = None,
) -> bool:
    """Delete a tenant's group, and its row in the token table.

    :param tokens: the table, if there is one.
    :param token: what is sent where Explo does not say which token is valid; else the table's.
    :param sleep: waits so many seconds.
    :param in_flight: by tenant, what came of the request, for as long as it is not saved.
    :returns: whether there was a group.
    :raises ExploConfigError: the row is another connection's; nothing was sent.
    :raises ExploRefusedError: Explo refuses, such as for a group with children.
    :raises ExploError: one of its kinds.
    """
    row = tokens.known([user_group_id]).get(user_group_id) if tokens is not None else None
    try:
        group = find_group(client, user_group_id)
        token = group.token if group is not None else None
    except REFUSALS:
        token = token or (row.token if row is not None else None)
        if token is None:
            raise
    backoff = Backoff(client, sleep=sleep, retry=retry)
    in_flight = {} if in_flight is None else in_flight
    in_flight[user_group_id] = NO_RESPONSE
    was_there = token is not None and _delete(client, user_group_id, token, backoff)
    in_flight[user_group_id] = "deleted"
    if tokens is not None:
        with_retries(lambda: tokens.delete(user_group_id), sleep)
    return was_there


def _delete(client: ExploClient, user_group_id: str, token: str, backoff: Backoff) -> bool:
    """:returns: False if another task was faster."""
    was_there = False
    while (error := _send(client, user_group_id, token)) is not None:
        if not error.ambiguous and not isinstance(error, REFUSALS):
            raise error
        was_there = was_there or error.ambiguous or isinstance(error, ExploProtocolError)
        try:
            group = find_group(client, user_group_id)
        except REFUSALS:
            raise error from None
        if group is None:
            return was_there
        if group.token != token:
            # Replaced meanwhile.
            token = group.token
        elif isinstance(error, REFUSALS):
            raise refused_although_there(user_group_id, refused_delete(client, user_group_id, error))
        else:
            backoff.wait(error)
    return True


def _send(client: ExploClient, user_group_id: str, token: str) -> ExploApiError | None:
    try:
        client.delete_user_group(current_token=token, user_group_id=user_group_id)
    except ExploApiError as error:
        return error
    return None
