"""ExploDeleteUserGroupOperator: one tenant out of Explo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import preview
from airflow_provider_explo.operators.single import TokenOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ExploDeleteUserGroupOperator(TokenOperator):
    """Delete a tenant's user group in Explo, and its row in the token table.

    A tenant that has no group in Explo is a success: it is safe to retry, and to run twice. One that has children
    fails, and its message names some. The return value is the tenant's id.

    :param user_group_id: the tenant's id in your own database, 1 to 255 characters. (templated)
    :param token: the tenant's token, for an Explo that does not return tokens: where Explo can be asked for the token
        of the id, that is sent; else this; else that of the token table. (templated)
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param token_table: the token table, whose row of this tenant is deleted too. With ``token_conn_id`` alone it is
        ``explo_user_groups``. (templated)
    :param token_conn_id: Airflow connection of the SQL database of ``token_table``. (templated)
    :raises ValueError: ``token_table`` without ``token_conn_id``.
    :raises AirflowFailException: for what a retry cannot fix: bad input, a wrong connection, a tenant with children,
        another 4xx, ``success: 0``, a response of another shape, or a token table that cannot be used.
    :raises ExploRateLimitError: 429 for longer than the connection's ``retry_timeout``; Airflow's retries apply.
    :raises ExploUnavailableError: likewise for 5xx, timeouts and broken connections.
    :raises ExploError: likewise for a token table whose database is away.
    """

    def execute(self, context: Context) -> str:
        from airflow_provider_explo.hooks.metrics import count_tenants
        from airflow_provider_explo.sync.delete import delete_group

        user_group_id, was_there = self.run_with_token(context, delete_group)
        count_tenants(["deleted" if was_there else "unchanged"])
        result = "user group deleted" if was_there else "no user group in Explo; nothing to delete"
        self.log.info("tenant %s: %s", preview(user_group_id), result)
        return user_group_id
