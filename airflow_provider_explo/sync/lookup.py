"""Whether one tenant's group is in Explo, for requests that are not safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import ExploEndpointGoneError, ExploRefusedError

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup


def find_group(client: ExploClient, user_group_id: str) -> UserGroup | None:
    """A tenant's group as it is in Explo now, or None where there is none.

    How Explo refuses to get an unknown customer is not documented, so that only its list proves that there is none:
    one request for each 1,000 customers, after one request to get it.

    :raises ExploApiError: Explo cannot be asked.
    """
    try:
        return client.get_user_group(user_group_id=user_group_id)
    except (ExploRefusedError, ExploEndpointGoneError):
        groups = client.list_user_groups()
        return next((group for group in groups if group.provided_id == user_group_id), None)
