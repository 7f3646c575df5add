"""ExploUpdateUserGroupOperator: fields of one tenant's user group changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploValidationError, message, preview
from airflow_provider_explo.operators.single import JSON_FIELDS, TENANT_FIELDS, USER_GROUP_KEY, TenantOperator
from airflow_provider_explo.version_compat import mask_secret

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.tenants.tenant import Tenant


class ExploUpdateUserGroupOperator(TenantOperator):
    """Change fields of a tenant's user group in Explo; those that are not given stay as they are.

    The given fields are checked with jsonschema before any request; every problem is reported at once. A tenant that
    has no group in Explo fails. The return value is the tenant's id. The XCom key ``user_group`` holds Explo's response
    without the token, with ``drift`` (the given fields that Explo still shows otherwise).

    :param user_group_id: the tenant's id in your own database, 1 to 255 characters. (templated)
    :param name: display name, 1 to 255 characters. (templated)
    :param mapping: Explo's schema id to data source, for instance ``{"40": "213"}``, or JSON text of it. (templated)
    :param properties: a JSON object, or JSON text of it. (templated)
    :param is_demo_group: watermarked and not billed; connections with ``api`` user_group or customer. (templated)
    :param emails: list of e-mail addresses, or JSON text of it; ``api: customer``. (templated)
    :param group_tags: list of group tags, or JSON text of it, which replaces the present one; ``api: customer``.
        (templated)
    :param hierarchy_level_name: the level, such as ``User``; ``api: customer``. (templated)
    :param parent_provided_id: the id of the tenant above; ``api: customer``. (templated)
    :param mapping_schema: a JSON Schema (Draft 2020-12) that a given ``mapping`` must satisfy too, or the path of a
        file that holds one. (a path is templated)
    :param properties_schema: likewise for ``properties``. (a path is templated)
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param token_table: the token table: if the tenant has a row, it gets name and token, and the next sync compares its
        content again. With ``token_conn_id`` alone it is ``explo_user_groups``. (templated)
    :param token_conn_id: Airflow connection of the SQL database of ``token_table``. (templated)
    :raises ValueError: nothing is given to change, or ``token_table`` without ``token_conn_id``.
    :raises AirflowFailException: for what a retry cannot fix: bad input, a wrong connection, a tenant that is not in
        Explo, 4xx, ``success: 0``, a response of another shape, or a token table that cannot be used.
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
        user_group_id: str,
        name: str | None = None,
        mapping: Mapping[str, Any] | str | None = None,
        properties: Mapping[str, Any] | str | None = None,
        is_demo_group: bool | str | None = None,
        emails: Sequence[str] | str | None = None,
        group_tags: Sequence[str] | str | None = None,
        hierarchy_level_name: str | None = None,
        parent_provided_id: str | None = None,
        mapping_schema: Mapping[str, Any] | str | None = None,
        properties_schema: Mapping[str, Any] | str | None = None,
        explo_conn_id: str = "explo_default",
        token_table: str | None = None,
        token_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(explo_conn_id=explo_conn_id, token_table=token_table, token_conn_id=token_conn_id, **kwargs)
        self.user_group_id = user_group_id
        self.name = name
        self.mapping = mapping
        self.properties = properties
        self.is_demo_group = is_demo_group
        self.emails = emails
        self.group_tags = group_tags
        self.hierarchy_level_name = hierarchy_level_name
        self.parent_provided_id = parent_provided_id
        self.mapping_schema = mapping_schema
        self.properties_schema = properties_schema
        if all(getattr(self, field) is None for field in TENANT_FIELDS if field != "user_group_id"):
            raise ValueError(f"nothing to update: give one of {', '.join(TENANT_FIELDS[1:])}")

    def execute(self, context: Context) -> str:
        from airflow_provider_explo.hooks.metrics import count_tenants
        from airflow_provider_explo.sync.compare import compare
        from airflow_provider_explo.sync.update import update_group

        tenant, group = self.run_for_tenant(
            context,
            lambda client, tokens, tenant, signal: (
                tenant,
                update_group(client, tokens, tenant, sleep=signal.sleep, in_flight=signal.in_flight),
            ),
        )
        mask_secret(group.token)
        count_tenants(["updated"])
        drift = compare(tenant.content(), group).drift
        subject = f"tenant {preview(tenant.user_group_id)}"
        self.log.info("%s: user group updated: %s", subject, ", ".join(tenant.content()))
        if drift:
            self.log.warning("%s: after the update, Explo still differs in: %s", subject, ", ".join(drift))
        context["ti"].xcom_push(key=USER_GROUP_KEY, value={**group.without_token(), "drift": list(drift)})
        return tenant.user_group_id

    def validated(self, context: Context) -> Tenant:
        tenant = super().validated(context)
        if not tenant.content():
            summary = f"tenant {preview(tenant.user_group_id)}: nothing to update; nothing was sent to Explo"
            fix = "check the templates: they gave no value"
            raise ExploValidationError(message(summary, expected=f"one of {', '.join(TENANT_FIELDS[1:])}", fix=fix))
        return tenant
