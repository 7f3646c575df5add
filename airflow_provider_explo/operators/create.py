"""ExploCreateUserGroupOperator: one tenant into Explo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import NON_RETRYABLE, ExploValidationError, message
from airflow_provider_explo.operators.base import (
    IF_EXISTS,
    check_choice,
    check_kind,
    check_when_run,
    is_xcom_arg,
    log_result,
)
from airflow_provider_explo.operators.links import PAGE_KEY, page_of
from airflow_provider_explo.operators.single import JSON_FIELDS, TENANT_FIELDS, USER_GROUP_KEY, TenantOperator
from airflow_provider_explo.version_compat import mask_secret

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.sync.result import Result
    from airflow_provider_explo.tenants.tenant import Tenant
    from airflow_provider_explo.tenants.validation import TenantValidator


class ExploCreateUserGroupOperator(TenantOperator):
    """Get or create a tenant's user group in Explo, and push its token.

    The tenant is checked with jsonschema before any request; every problem is reported at once. The return value is the
    tenant's token, a secret, which Airflow keeps in clear. With ``token_conn_id``, the token goes to a token table
    instead, and the return value is the tenant's id. The XCom key ``user_group`` holds the rest of Explo's response,
    with ``new_user_group`` (None where it is unknown) and ``drift`` (the fields in which an existing group differs from
    what was asked; with ``if_exists="update"``, differed until they were sent).

    :param user_group_id: the tenant's id in your own database, 1 to 255 characters. (templated)
    :param name: display name, 1 to 255 characters. (templated)
    :param mapping: Explo's schema id to data source, for instance ``{"40": "213"}``, or JSON text of it. (templated)
    :param properties: a JSON object, or JSON text of it. (templated)
    :param is_demo_group: watermarked and not billed; connections with ``api`` user_group or customer. (templated)
    :param emails: list of e-mail addresses, or JSON text of it; ``api: customer``. (templated)
    :param group_tags: list of group tags, or JSON text of it; ``api: customer``. (templated)
    :param hierarchy_level_name: the level of a child, such as ``User``; ``api: customer``. (templated)
    :param parent_provided_id: the id of the tenant above; ``api: customer``. (templated)
    :param tenant: instead of the single fields, all of them at once, by name. It is plain data, never rendered as a
        template, and so is the way to map over tenants: ``.partial(task_id=…).expand(tenant=new_tenants())``.
    :param mapping_schema: a JSON Schema (Draft 2020-12) that ``mapping`` must satisfy too, or the path of a file that
        holds one, relative to the DAG file's folder or to the working directory. (a path is templated)
    :param properties_schema: likewise for ``properties``. (a path is templated)
    :param if_exists: ``keep`` leaves an existing group as it is and warns of drift, ``update`` sends the difference,
        ``fail`` fails.
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param token_table: where the token is saved, in the layout of ``SqlToExploOperator``; made if missing. With
        ``token_conn_id`` alone it is ``explo_user_groups``. (templated)
    :param token_conn_id: Airflow connection of the SQL database of ``token_table``. (templated)
    :raises ValueError: ``tenant`` together with single fields, ``token_table`` without ``token_conn_id``, or an unknown
        ``if_exists``.
    :raises AirflowFailException: for what a retry cannot fix: bad input, a wrong connection, 4xx, ``success: 0``, a
        response of another shape, or a token table that cannot be used.
    :raises ExploRateLimitError: 429 for longer than the connection's ``retry_timeout``; Airflow's retries apply.
    :raises ExploUnavailableError: likewise for 5xx, timeouts and broken connections.
    :raises ExploError: likewise for a token table whose database is away.
    """

    template_fields: Sequence[str] = (
        *TENANT_FIELDS,
        "mapping_schema",
        "properties_schema",
        "explo_conn_id",
        "token_table",
        "token_conn_id",
    )
    template_fields_renderers = dict.fromkeys(JSON_FIELDS, "json")
    json_fields = JSON_FIELDS
    verbatim_fields = ("mapping_schema", "properties_schema")

    def __init__(
        self,
        *,
        user_group_id: str | None = None,
        name: str | None = None,
        mapping: Mapping[str, Any] | str | None = None,
        properties: Mapping[str, Any] | str | None = None,
        is_demo_group: bool | str | None = None,
        emails: Sequence[str] | str | None = None,
        group_tags: Sequence[str] | str | None = None,
        hierarchy_level_name: str | None = None,
        parent_provided_id: str | None = None,
        tenant: Mapping[str, Any] | None = None,
        mapping_schema: Mapping[str, Any] | str | None = None,
        properties_schema: Mapping[str, Any] | str | None = None,
        if_exists: str = "keep",
        explo_conn_id: str = "explo_default",
        token_table: str | None = None,
        token_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(explo_conn_id=explo_conn_id, token_table=token_table, token_conn_id=token_conn_id, **kwargs)
        check_choice("if_exists", if_exists, IF_EXISTS)
        check_kind("tenant", tenant, Mapping, expected="a mapping with a tenant's fields")
        self.user_group_id = user_group_id
        self.name = name
        self.mapping = mapping
        self.properties = properties
        self.is_demo_group = is_demo_group
        self.emails = emails
        self.group_tags = group_tags
        self.hierarchy_level_name = hierarchy_level_name
        self.parent_provided_id = parent_provided_id
        self.tenant = tenant
        self.mapping_schema = mapping_schema
        self.properties_schema = properties_schema
        self.if_exists = if_exists
        single_fields = [field for field in TENANT_FIELDS if getattr(self, field) is not None]
        if tenant is not None and single_fields:
            raise ValueError(f"tenant: takes all fields at once; remove {', '.join(single_fields)}, or tenant")
        if is_xcom_arg(tenant):
            from airflow.providers.common.compat.sdk import XComArg

            # It is no template field, of which Airflow does this itself.
            XComArg.apply_upstream_relationship(self, tenant)

    def execute(self, context: Context) -> str:
        from airflow_provider_explo.hooks.explo import ExploHook
        from airflow_provider_explo.hooks.metrics import count_tenants
        from airflow_provider_explo.sync.run import Sync
        from airflow_provider_explo.sync.shutdown import ShutdownSignal

        self._signal = signal = ShutdownSignal()
        hook = ExploHook(explo_conn_id=self.explo_conn_id)

        def run(fields: dict[str, Any], validator: TenantValidator) -> tuple[Result, str]:
            with self.tokens() as tokens:
                sync = Sync(
                    lambda max_attempts: hook.client(sleep=signal.sleep, max_attempts=max_attempts),
                    tokens=tokens,
                    validator=validator,
                    signal=signal,
                    if_exists=self.if_exists,
                    always_ask=True,
                )
                ((result,),) = filter(None, (results for results, _ in sync.run([[fields]])))
            count_tenants([result.outcome.kind])
            if result.error is not None:
                raise result.error
            return result, page_of(result.change.user_group_id, hook.get_conn().settings.base_url)

        try:
            fields, validator = self._fields(context), self.validator()
            result, page = signal.run(lambda: run(fields, validator))
        except NON_RETRYABLE as error:
            raise AirflowFailException(str(error)) from None
        sent = result.sent
        assert sent is not None
        group = sent.group
        assert group is not None
        mask_secret(group.token)
        log_result(self.log, group.provided_id, sent)
        context["ti"].xcom_push(key=PAGE_KEY, value=page)
        context["ti"].xcom_push(
            key=USER_GROUP_KEY, value={**group.without_token(), "drift": list(sent.differences or ())}
        )
        return group.token if self.token_conn_id is None else group.provided_id

    def validated(self, context: Context) -> Tenant:
        return self.validator().tenant(**self._fields(context))

    def _fields(self, context: Context) -> dict[str, Any]:
        """The tenant's fields as given, by name."""
        if self.tenant is None:
            return {field: getattr(self, field) for field in TENANT_FIELDS}
        tenant: Any = self.tenant
        if is_xcom_arg(tenant):
            tenant = tenant.resolve(context)
        check_when_run("tenant", tenant, Mapping, expected="a mapping with a tenant's fields")
        unknown = sorted(map(str, tenant.keys() - set(TENANT_FIELDS)))
        if unknown:
            raise ExploValidationError(
                message(
                    "tenant: unknown fields",
                    found=", ".join(unknown),
                    expected=f"any of {', '.join(TENANT_FIELDS)}",
                    fix="rename or remove them; nothing was sent to Explo",
                )
            )
        return {field: tenant.get(field) for field in TENANT_FIELDS}
