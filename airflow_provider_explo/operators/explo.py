"""ExploCreateUserGroupOperator: one tenant into Explo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import (
    ExploError,
    ExploRateLimitError,
    ExploUnavailableError,
)
from airflow_provider_explo.operators.arguments import IF_EXISTS, check_choice
from airflow_provider_explo.operators.text_fields import TextFieldsOperator

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.onboarding.apply import Onboarded
    from airflow_provider_explo.onboarding.tenant import Tenant

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
        check_choice("if_exists", if_exists, IF_EXISTS)
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
        from airflow_provider_explo.onboarding.apply import get_or_create

        try:
            tenant = self._tenant()
            hook = ExploHook(explo_conn_id=self.explo_conn_id)
            with hook.get_conn():
                onboarded = get_or_create(tenant, hook, if_exists=self.if_exists)
        except (ExploRateLimitError, ExploUnavailableError):
            raise
        except ExploError as error:
            raise AirflowFailException(str(error)) from error
        self._tell(tenant, onboarded)
        group = onboarded.group
        context["ti"].xcom_push(key=USER_GROUP_KEY, value={**group.without_token(), "drift": list(onboarded.found)})
        return group.token

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        fields = [self.user_group_id, self.name, self.mapping, self.properties]
        try:
            json.dumps(fields, allow_nan=False, ensure_ascii=False, skipkeys=True, default=str).encode()
        except (ValueError, RecursionError):
            # Airflow 3.3 cannot send such fields to its server, and fails before execute, without saying which.
            try:
                self._tenant()
            except ExploError as error:
                raise AirflowFailException(str(error)) from error

    def _tenant(self) -> Tenant:
        from airflow_provider_explo.onboarding.tenant import TenantRules

        rules = TenantRules(
            mapping_schema=self.beside_dag(self.mapping_schema),
            properties_schema=self.beside_dag(self.properties_schema),
        )
        return rules.tenant(
            user_group_id=self.user_group_id, name=self.name, mapping=self.mapping, properties=self.properties
        )

    def _tell(self, tenant: Tenant, onboarded: Onboarded) -> None:
        about = f"Tenant {tenant.user_group_id!r}"
        if onboarded.kind == "created":
            self.log.info("%s: user group created", about)
            return
        if onboarded.group.new_user_group is None:
            self.log.warning(
                "%s: an earlier attempt got no answer, so the user group may have been there before", about
            )
        if onboarded.sent:
            self.log.info("%s: user group updated: %s", about, ", ".join(onboarded.sent))
        elif not onboarded.found:
            self.log.info("%s: user group already there, as asked", about)
        if onboarded.left:
            self.log.warning(
                "%s: the user group in Explo differs from what was asked in: %s. Explo leaves an existing group as it "
                "is; if_exists='update' sends the difference",
                about,
                ", ".join(onboarded.left),
            )
