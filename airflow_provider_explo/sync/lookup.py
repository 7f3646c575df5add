"""Whether one tenant's group is in Explo, for requests that are not safe to repeat."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploAuthError,
    ExploEndpointGoneError,
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
