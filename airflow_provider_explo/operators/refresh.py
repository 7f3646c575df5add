"""ExploRefreshUserGroupTokenOperator: a new token for one tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import preview
from airflow_provider_explo.operators.single import TokenOperator
from airflow_provider_explo.version_compat import mask_secret

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ExploRefreshUserGroupTokenOperator(TokenOperator):
    """Replace a tenant's token in Explo, and save the new one; the old one is invalid from then on.

    Safe to retry, also after a kill at any moment, and to run twice at once: before the task succeeds, Explo and the
    token table hold the same token, and it is not the one from before. A tenant that has no group in Explo fails. The
    return value is the new token, a secret, which Airflow keeps in clear; with ``token_conn_id``, the tenant's id.

    :param user_group_id: the tenant's id in your own database, 1 to 255 characters. (templated)
    :param token: the tenant's present token, for an Explo that does not return tokens: where Explo can be asked which
        token is valid, that is used; else this; else that of the token table. (templated)
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param token_table: where the new token is saved; made if missing. With ``token_conn_id`` alone it is
        ``explo_user_groups``. (templated)
    :param token_conn_id: Airflow connection of the SQL database of ``token_table``. (templated)
    :raises ValueError: ``token_table`` without ``token_conn_id``.
    :raises AirflowFailException: for what a retry cannot fix: bad input, a wrong connection, a tenant that is not in
        Explo, another 4xx, ``success: 0``, a response of another shape, or a token table that cannot be used.
    :raises ExploRateLimitError: 429 for longer than the connection's ``retry_timeout``; Airflow's retries apply.
    :raises ExploUnavailableError: likewise for 5xx, timeouts and broken connections.
    :raises ExploError: likewise for a token table whose database is away.
    """

    def execute(self, context: Context) -> str:
        from airflow_provider_explo.hooks.metrics import count_tenants
        from airflow_provider_explo.sync.refresh_token import refresh_token

        _, group = self.run_with_token(context, refresh_token, creates_table=True)
        mask_secret(group.token)
        count_tenants(["token_updated"])
        self.log.info("tenant %s: token refreshed", preview(group.provided_id))
        return group.token if self.token_conn_id is None else group.provided_id
