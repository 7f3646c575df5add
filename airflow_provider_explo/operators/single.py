"""What the operators of a single tenant share: connections, validation, the link, and their end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import (
    NON_RETRYABLE,
    ExploApiError,
    ExploError,
    ExploValidationError,
    message,
    preview,
)
from airflow_provider_explo.operators.base import ExploOperator
from airflow_provider_explo.operators.links import PAGE_KEY, ExploUserGroupLink, page_of
from airflow_provider_explo.version_compat import mask_secret

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.sql.token_table import TokenTable
    from airflow_provider_explo.sync.shutdown import ShutdownSignal
    from airflow_provider_explo.tenants.tenant import Tenant
    from airflow_provider_explo.tenants.validation import TenantValidator

# As in tenants.tenant.FIELDS, whose import would be the most of what a DAG file pays for.
TENANT_FIELDS = (
    "user_group_id",
    "name",
    "mapping",
    "properties",
    "is_demo_group",
    "emails",
    "group_tags",
    "hierarchy_level_name",
    "parent_provided_id",
)
JSON_FIELDS = ("mapping", "properties", "emails", "group_tags")
USER_GROUP_KEY = "user_group"
T = TypeVar("T")


class TenantOperator(ExploOperator):
    """An operator of one tenant: its two connections, its link, and its end.

    :raises ValueError: ``token_table`` without ``token_conn_id``.
    """

    tenant_fields: Sequence[str] = TENANT_FIELDS
    operator_extra_links = (ExploUserGroupLink(),)

    def __init__(
        self,
        *,
        explo_conn_id: str = "explo_default",
        token_table: str | None = None,
        token_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if token_table is not None and token_conn_id is None:
            raise ValueError("token_table: needs token_conn_id, the connection of the database that holds it")
        self.explo_conn_id = explo_conn_id
        self.token_table = token_table
        self.token_conn_id = token_conn_id

    def validated(self, context: Context) -> Tenant:
        """The tenant, of the fields that are given.

        :raises ExploValidationError: with every problem at once.
        :raises ExploConfigError: a schema is not usable.
        """
        return self.validator().partial(**{name: getattr(self, name) for name in self.tenant_fields})

    def validator(self) -> TenantValidator:
        """With the user-supplied schemas, if this operator has any.

        :raises ExploConfigError: a schema is not usable.
        """
        from airflow_provider_explo.tenants.tenant import FIELDS
        from airflow_provider_explo.tenants.validation import TenantValidator

        arguments = [f"{field.name}_schema" for field in FIELDS.values() if field.user_schema]
        return TenantValidator(**{name: self.schema_path(getattr(self, name, None)) for name in arguments})

    @contextmanager
    def tokens(self) -> Iterator[TokenTable | None]:
        """The token table, or None where the token goes to XCom."""
        if self.token_conn_id is None:
            yield None
            return
        from airflow_provider_explo.sql.token_table import DEFAULT_TABLE, TokenTable

        table = DEFAULT_TABLE if self.token_table is None else self.token_table
        with TokenTable.of_connection(self.token_conn_id, table, explo_conn_id=self.explo_conn_id) as tokens:
            yield tokens

    def run_for_tenant(
        self,
        context: Context,
        work: Callable[[ExploClient, TokenTable | None, Tenant, ShutdownSignal], T],
        *,
        creates_table: bool = False,
    ) -> T:
        """Validate the tenant, do something for it in a thread of its own, and push its link.

        :param work: takes a client, the token table if there is one, the tenant, and the signal that ends it.
        :param creates_table: the token table is made if missing.
        :raises AirflowFailException: for what a retry cannot fix.
        :raises ExploError: for the rest.
        """
        from airflow_provider_explo.hooks.explo import ExploHook
        from airflow_provider_explo.hooks.metrics import count_tenants
        from airflow_provider_explo.sync.shutdown import ShutdownSignal

        self._signal = signal = ShutdownSignal()

        def run(tenant: Tenant) -> tuple[T, str]:
            hook = ExploHook(explo_conn_id=self.explo_conn_id)
            with hook.client(sleep=signal.sleep) as client, self.tokens() as table:
                tokens = table
                if tokens is not None and creates_table:
                    tokens.prepare()
                elif tokens is not None and tokens.exists():
                    tokens.check()
                else:
                    tokens = None
                try:
                    result = work(client, tokens, tenant, signal)
                except ExploApiError as error:
                    count_tenants(["failed"])
                    if not error.ambiguous:
                        signal.settle([tenant.user_group_id])
                    raise
                signal.settle([tenant.user_group_id])
                return result, page_of(tenant.user_group_id, client.settings.base_url)

        try:
            tenant = self.validated(context)
            result, page = signal.run(lambda: run(tenant))
        except NON_RETRYABLE as error:
            raise AirflowFailException(str(error)) from None
        context["ti"].xcom_push(key=PAGE_KEY, value=page)
        return result

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        fields = [getattr(self, field) for field in self.tenant_fields]
        try:
            json.dumps(fields, allow_nan=False, ensure_ascii=False, skipkeys=True, default=str).encode()
        except (ValueError, RecursionError):
            # Airflow 3.3 cannot send such fields to its server, and fails before execute without saying which.
            try:
                self.validated(context)
            except ExploError as error:
                raise AirflowFailException(str(error)) from None


class TokenOperator(TenantOperator):
    """An operator whose request needs the tenant's token, and not its id."""

    tenant_fields = ("user_group_id",)
    template_fields: Sequence[str] = ("user_group_id", "token", "explo_conn_id", "token_table", "token_conn_id")

    def __init__(
        self,
        *,
        user_group_id: str,
        token: str | None = None,
        explo_conn_id: str = "explo_default",
        token_table: str | None = None,
        token_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(explo_conn_id=explo_conn_id, token_table=token_table, token_conn_id=token_conn_id, **kwargs)
        self.user_group_id = user_group_id
        self.token = token

    def validated(self, context: Context) -> Tenant:
        tenant = super().validated(context)
        if isinstance(self.token, str) and self.token.strip():
            mask_secret(self.token)
        elif self.token is not None:
            summary = f"tenant {preview(tenant.user_group_id)}: token: not usable; nothing was sent to Explo"
            expected = "the tenant's token, not blank; or None, and it is looked up"
            found = "blank text" if isinstance(self.token, str) else f"a {type(self.token).__name__}"
            raise ExploValidationError(message(summary, found=found, expected=expected))
        return tenant

    def run_with_token(self, context: Context, work: Callable[..., T], *, creates_table: bool = False) -> tuple[str, T]:
        """As :meth:`run_for_tenant`, for a change that the argument ``token`` goes to.

        :param work: takes a client, the token table if there is one and the tenant's id; and as keywords ``token``,
            ``sleep`` and ``in_flight``.
        :returns: the tenant's id, and what ``work`` returned.
        """
        return self.run_for_tenant(
            context,
            lambda client, tokens, tenant, signal: (
                tenant.user_group_id,
                work(
                    client,
                    tokens,
                    tenant.user_group_id,
                    token=self.token,
                    sleep=signal.sleep,
                    in_flight=signal.in_flight,
                ),
            ),
            creates_table=creates_table,
        )
