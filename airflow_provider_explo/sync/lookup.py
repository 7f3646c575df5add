"""Whether one tenant's group is in Explo, for requests that are not safe to repeat."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploAuthError,
    ExploEndpointGoneError,
    ExploError,
    ExploProtocolError,
    ExploRefusedError,
    message,
    preview,
)

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup

# How Explo refuses what is not there is not documented: it may be any of these.
REFUSALS = (ExploAuthError, ExploRefusedError, ExploEndpointGoneError, ExploProtocolError)
NAMED_CHILDREN = 3


def find_group(client: ExploClient, user_group_id: str) -> UserGroup | None:
    """A tenant's group as it is in Explo now, or None where there is none.

    How Explo refuses to get an unknown customer is not documented, so that only its list proves that there is none:
    one request for each 1,000 customers, after one request to get it.

    :raises ExploApiError: Explo cannot be asked.
    """
    try:
        return client.get_user_group(user_group_id=user_group_id)
    except REFUSALS:
        groups = chain.from_iterable(client.pages(complete=True))
        return next((group for group in groups if group.provided_id == user_group_id), None)


def no_such_group(user_group_id: str, *, operation: str) -> ExploRefusedError:
    """The error for a tenant that has no group.

    :param operation: what was not done, such as ``update``.
    """
    summary = f"tenant {preview(user_group_id)}: no user group in Explo to {operation}"
    fix = "check the id and the API token's visibility group, or create the user group first"
    return ExploRefusedError(message(summary, fix=fix))


def refused_although_there(user_group_id: str, error: ExploApiError) -> ExploApiError:
    """The error for a request that Explo refuses although the group is there, by its id and its valid token.

    A 404 then means the endpoint, and not the tenant.
    """
    if error.status not in (404, 410):
        return error
    summary = f"tenant {preview(user_group_id)}: {error.endpoint}: HTTP {error.status}, this endpoint does not exist"
    fix = "check the connection's host; Explo may have been switched off"
    if "user_group" in (error.endpoint or ""):
        fix = "set api: customer in the connection's extra; this endpoint is deprecated"
    return ExploEndpointGoneError(message(summary, fix=fix), status=error.status, endpoint=error.endpoint)


def refused_delete(client: ExploClient, user_group_id: str, error: ExploApiError) -> ExploApiError:
    """The error for a delete that Explo refuses: it names the group's children, where it has some.

    One request. Without children, it is the same error.
    """
    children = _children(client, user_group_id) if isinstance(error, ExploRefusedError) else []
    if not children:
        return error
    names = ", ".join(map(preview, children[:NAMED_CHILDREN]))
    rest = f" and {len(children) - NAMED_CHILDREN} more" if len(children) > NAMED_CHILDREN else ""
    summary = f"tenant {preview(user_group_id)}: has children, and Explo deletes no group that has some"
    text = message(summary, found=f"{names}{rest}", fix="delete its children first")
    # Without the status: a 404 would be taken for an endpoint that does not exist.
    return ExploRefusedError(text, endpoint=error.endpoint)


def _children(client: ExploClient, user_group_id: str) -> list[str]:
    try:
        page = next(client.pages(parent_provided_id=user_group_id), [])
    except ExploError:
        return []
    # A group is no child of its own: where it is in the list, Explo does not know the filter.
    children = [group.provided_id for group in page]
    return [] if user_group_id in children else children
