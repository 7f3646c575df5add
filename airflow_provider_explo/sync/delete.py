"""One tenant's group deleted, however often that is tried: Explo wants its token, which may have been replaced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploError,
    ExploProtocolError,
    ExploRefusedError,
    ExploUnavailableError,
    message,
    preview,
)
from airflow_provider_explo.sync.lookup import REFUSALS, find_group, refused_although_there
from airflow_provider_explo.sync.single import Backoff, Sleep, save, without_frames

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.sql.token_table import TokenTable

NAMED_CHILDREN = 3


def delete_group(
    client: ExploClient,
    tokens: TokenTable | None,
    user_group_id: str,
    *,
    token: str | None = None,
    sleep: Sleep = time.sleep,
    retry: RetryPolicy | None = None,
) -> bool:
    """Delete a tenant's group, and its row in the token table.

    :param tokens: the table, if there is one.
    :param token: the group's token, if it is known; else the table's; else, and where the two differ, Explo's.
    :param sleep: waits so many seconds.
    :returns: whether there was a group.
    :raises ExploConfigError: the row is another connection's; nothing was sent.
    :raises ExploRefusedError: Explo refuses, such as for a group with children.
    :raises ExploError: one of its kinds.
    """

    def work() -> bool:
        rows = tokens.known([user_group_id]) if tokens is not None else {}
        known = {row.token for row in rows.values()} | ({token} if token is not None else set())
        backoff = Backoff(client, sleep=sleep, retry=retry)
        was_there = _delete(client, user_group_id, known.pop() if len(known) == 1 else None, backoff)
        if tokens is not None:
            save(lambda: tokens.delete(user_group_id), sleep)
        return was_there

    return without_frames(work)


def _delete(client: ExploClient, user_group_id: str, token: str | None, backoff: Backoff) -> bool:
    """:param token: what may be its token, or None; a token of Explo's own follows where it is not."""
    group, was_there = None, False
    if token is None:
        group = find_group(client, user_group_id)
        if group is None:
            return False
        token, was_there = group.token, True
    while True:
        error = _send(client, user_group_id, token)
        if error is None:
            # A token that Explo did not name may be dead, and how Explo refuses that is not documented.
            if group is not None or (group := _get(client, user_group_id)) is None:
                return True
        elif error.ambiguous or isinstance(error, REFUSALS):
            was_there = was_there or error.ambiguous or isinstance(error, ExploProtocolError)
            try:
                group = find_group(client, user_group_id)
            except REFUSALS:
                raise error from None
            if group is None:
                return was_there
        else:
            raise error
        if group.token != token:
            token, was_there = group.token, True
            continue
        if error is None:
            summary = f"tenant {preview(user_group_id)}: deleted, and still in Explo"
            error = ExploUnavailableError(message(summary, fix="retry later"), ambiguous=True)
        if isinstance(error, REFUSALS):
            raise _refusal(client, user_group_id, error)
        backoff.wait(error)


def _send(client: ExploClient, user_group_id: str, token: str) -> ExploApiError | None:
    try:
        client.delete_user_group(current_token=token, user_group_id=user_group_id)
    except ExploApiError as error:
        return error
    return None


def _get(client: ExploClient, user_group_id: str) -> UserGroup | None:
    try:
        return client.get_user_group(user_group_id=user_group_id)
    except REFUSALS:
        return None


def _refusal(client: ExploClient, user_group_id: str, error: ExploApiError) -> ExploApiError:
    children = _children(client, user_group_id) if isinstance(error, ExploRefusedError) else []
    if not children:
        return refused_although_there(user_group_id, error)
    names = ", ".join(map(preview, children[:NAMED_CHILDREN]))
    more = f" and {len(children) - NAMED_CHILDREN} more" if len(children) > NAMED_CHILDREN else ""
    summary = f"tenant {preview(user_group_id)}: has children, so that Explo does not delete it"
    text = message(summary, found=f"{names}{more}", fix="delete its children first")
    return ExploRefusedError(text, status=error.status, endpoint=error.endpoint)


def _children(client: ExploClient, user_group_id: str) -> list[str]:
    try:
        page = next(client.pages(parent_provided_id=user_group_id), [])
    except ExploError:
        return []
    # A group is no child of its own: where it is in the list, Explo does not know the filter.
    children = [group.provided_id for group in page]
    return [] if user_group_id in children else children
