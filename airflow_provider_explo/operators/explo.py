"""ExploCreateUserGroupOperator: one tenant into Explo."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import (
    ExploError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
)
from airflow_provider_explo.operators.text_fields import TextFieldsOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.hooks.explo import ExploHook
    from airflow_provider_explo.onboarding.tenant import Tenant

IF_EXISTS = ("keep", "update", "fail")
USER_GROUP_KEY = "user_group"


class ExploCreateUserGroupOperator(TextFieldsOperator):
    """Get or create a tenant's user group in Explo, and push its token.

    Name, id, mapping and properties are checked with jsonschema before any call; every mistake is reported at once.
    The return value is the tenant's token, a secret. Under the XCom key ``user_group`` stands everything else that
    Explo answered, with ``new_user_group`` (None where it is unknown) and ``drift`` (the fields in which an existing
    group differs from what was asked; with ``if_exists="update"``, differed until they were sent).

    :param user_group_id: the tenant's id in your own database, 1 to 255 characters. (templated)
    :param name: display name, 1 to 255 characters. (templated)
    :param mapping: Explo's schema id to data source, for instance ``{"40": "213"}``, or JSON text of it. (templated)
    :param properties: a JSON object, or JSON text of it. (templated)
    :param mapping_schema: rules of your own for ``mapping``: a JSON Schema (Draft 2020-12) or the path of a file that
        holds one, relative to the DAG file's folder or to the working directory. (a path is templated)
    :param properties_schema: likewise for ``properties``. (a path is templated)
    :param if_exists: ``keep`` leaves an existing group as it is and warns of drift, ``update`` sends the difference,
        ``fail`` fails.
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :raises AirflowFailException: for what trying again cannot mend: bad input, a wrong connection, 4xx, ``success: 0``,
        or an answer of another shape.
    :raises ExploRateLimitError: 429 for longer than the connection's ``retry_timeout``; Airflow's retries apply.
    :raises ExploUnavailableError: likewise for 5xx, time-outs and broken connections.
    """

    template_fields: Sequence[str] = (
        "user_group_id",
        "name",
        "mapping",
        "properties",
        "mapping_schema",
        "properties_schema",
        "explo_conn_id",
    )
    template_fields_renderers = {"mapping": "json", "properties": "json"}
    text_fields = ("user_group_id", "name", "mapping_schema", "properties_schema", "explo_conn_id")
    verbatim_fields = ("mapping_schema", "properties_schema")
    ui_color = "#e8e4ff"

    def __init__(
        self,
        *,
        user_group_id: str,
        name: str,
        mapping: Mapping[str, Any] | str | None = None,
        properties: Mapping[str, Any] | str | None = None,
        mapping_schema: Mapping[str, Any] | str | None = None,
        properties_schema: Mapping[str, Any] | str | None = None,
        if_exists: str = "keep",
        explo_conn_id: str = "explo_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if if_exists not in IF_EXISTS:
            raise ValueError(f"if_exists: expected one of {', '.join(IF_EXISTS)}, found {if_exists!r}")
        self.user_group_id = user_group_id
        self.name = name
        self.mapping = mapping
        self.properties = properties
        self.mapping_schema = mapping_schema
        self.properties_schema = properties_schema
        self.if_exists = if_exists
        self.explo_conn_id = explo_conn_id

    def execute(self, context: Context) -> str:
        from airflow_provider_explo.hooks.explo import ExploHook

        try:
            tenant = self._tenant()
            hook = ExploHook(explo_conn_id=self.explo_conn_id)
            with hook.get_conn():
                group, drift = self._onboard(tenant, hook)
        except (ExploRateLimitError, ExploUnavailableError):
            raise
        except ExploError as error:
            raise AirflowFailException(str(error)) from error
        context["ti"].xcom_push(key=USER_GROUP_KEY, value={**group.without_token(), "drift": list(drift)})
        return group.token

    def _tenant(self) -> Tenant:
        from airflow_provider_explo.onboarding.tenant import TenantRules

        rules = TenantRules(
            mapping_schema=self._schema(self.mapping_schema), properties_schema=self._schema(self.properties_schema)
        )
        return rules.tenant(
            user_group_id=self.user_group_id, name=self.name, mapping=self.mapping, properties=self.properties
        )

    def _onboard(self, tenant: Tenant, hook: ExploHook) -> tuple[UserGroup, tuple[str, ...]]:
        from airflow_provider_explo.onboarding.plan import difference, drift

        group = hook.create_user_group(
            user_group_id=tenant.user_group_id, name=tenant.name, mapping=tenant.mapping, properties=tenant.properties
        )
        if group.new_user_group:
            self.log.info("Tenant %r: user group created", tenant.user_group_id)
            return group, ()
        differing = drift(tenant, name=group.name, details=group.details)
        if self.if_exists == "fail" and (group.new_user_group is False or differing):
            raise ExploRefusedError(
                f"tenant {tenant.user_group_id!r}: its user group was there before this task, and if_exists is 'fail'; "
                "use 'keep' or 'update' where that is expected"
            )
        if group.new_user_group is None:
            self.log.warning(
                "Tenant %r: an earlier attempt got no answer, so the user group may have been there before",
                tenant.user_group_id,
            )
        changes = difference(tenant, differing, details=group.details) if self.if_exists == "update" else {}
        left = differing
        if changes:
            answer = hook.update_user_group(user_group_id=tenant.user_group_id, **changes)
            group = replace(answer, new_user_group=group.new_user_group)
            left = drift(tenant, name=group.name, details=group.details)
            self.log.info("Tenant %r: user group updated: %s", tenant.user_group_id, ", ".join(changes))
        elif not differing:
            self.log.info("Tenant %r: user group already there, as asked", tenant.user_group_id)
        if left:
            self.log.warning(
                "Tenant %r: the user group in Explo differs from what was asked in: %s. Explo leaves an existing group "
                "as it is; if_exists='update' sends the difference",
                tenant.user_group_id,
                ", ".join(left),
            )
        return group, differing

    def _schema(self, schema: Mapping[str, Any] | str | None) -> Mapping[str, Any] | str | None:
        """A relative path means the DAG file's folder first, where a team keeps its schemas beside its DAGs."""
        if isinstance(schema, str) and not os.path.isabs(schema) and (dag := self.get_dag()):
            beside = os.path.join(dag.folder, schema)
            return beside if os.path.exists(beside) else schema
        return schema
