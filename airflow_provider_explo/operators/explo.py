"""ExploCreateUserGroupOperator: one tenant into Explo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import NON_RETRYABLE, ExploError
from airflow_provider_explo.operators.arguments import IF_EXISTS, check_choice
from airflow_provider_explo.operators.base import TextFieldsOperator
from airflow_provider_explo.operators.links import PAGE_KEY, ExploUserGroupLink, page_of

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.sql.token_table import TokenTable
    from airflow_provider_explo.tenants.tenant import Tenant

USER_GROUP_KEY = "user_group"


class ExploCreateUserGroupOperator(TextFieldsOperator):
    """Get or create a tenant's user group in Explo, and push its token.

    Name, id, mapping and properties are checked with jsonschema before any call; every mistake is reported at once.
    The return value is the tenant's token, a secret, which Airflow keeps in clear. With ``token_conn_id``, the token
    goes to a token table instead, and the return value is the tenant's id. Under the XCom key ``user_group`` stands
    everything else that Explo answered, with ``new_user_group`` (None where it is unknown) and ``drift`` (the fields in
    which an existing group differs from what was asked; with ``if_exists="update"``, differed until they were sent).

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
    :param token_table: where the token is saved, in the layout of ``SqlToExploOperator``; made if missing. With
        ``token_conn_id`` alone it is ``explo_user_groups``. (templated)
    :param token_conn_id: Airflow connection of the SQL database of ``token_table``. (templated)
    :raises ValueError: ``token_table`` without ``token_conn_id``, or an ``if_exists`` that is none.
    :raises AirflowFailException: for what trying again cannot mend: bad input, a wrong connection, 4xx, ``success: 0``,
        an answer of another shape, or a token table that cannot be used.
    :raises ExploRateLimitError: 429 for longer than the connection's ``retry_timeout``; Airflow's retries apply.
    :raises ExploUnavailableError: likewise for 5xx, time-outs and broken connections.
    :raises ExploError: likewise for a token table whose database is away.
    """

    template_fields: Sequence[str] = (
        "user_group_id",
        "name",
        "mapping",
        "properties",
        "mapping_schema",
        "properties_schema",
        "explo_conn_id",
        "token_table",
        "token_conn_id",
    )
    template_fields_renderers = {"mapping": "json", "properties": "json"}
    text_fields = (
        "user_group_id",
        "name",
        "mapping_schema",
        "properties_schema",
        "explo_conn_id",
        "token_table",
        "token_conn_id",
    )
    verbatim_fields = ("mapping_schema", "properties_schema")
    operator_extra_links = (ExploUserGroupLink(),)
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
        token_table: str | None = None,
        token_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("if_exists", if_exists, IF_EXISTS)
        if token_table is not None and token_conn_id is None:
            raise ValueError("token_table: needs token_conn_id, the connection of the database that holds it")
        self.user_group_id = user_group_id
        self.name = name
        self.mapping = mapping
        self.properties = properties
        self.mapping_schema = mapping_schema
        self.properties_schema = properties_schema
        self.if_exists = if_exists
        self.explo_conn_id = explo_conn_id
        self.token_table = token_table
        self.token_conn_id = token_conn_id

    def execute(self, context: Context) -> str:
        from airflow_provider_explo.hooks.explo import ExploHook
        from airflow_provider_explo.operators.telling import tell
        from airflow_provider_explo.sync.upsert import get_or_create

        try:
            tenant = self._tenant()
            hook = ExploHook(explo_conn_id=self.explo_conn_id)
            with self._tokens() as tokens, hook.get_conn() as client:
                page = page_of(tenant.user_group_id, client.settings.base_url)
                onboarded = get_or_create(tenant, hook, if_exists=self.if_exists)
                group = onboarded.group
                if tokens:
                    tokens.save_tenant(
                        tenant, group.token, settled=onboarded.settled, mapping_hidden=onboarded.mapping_hidden
                    )
        except NON_RETRYABLE as error:
            raise AirflowFailException(str(error)) from error
        tell(self.log, tenant, onboarded)
        context["ti"].xcom_push(key=PAGE_KEY, value=page)
        context["ti"].xcom_push(key=USER_GROUP_KEY, value={**group.without_token(), "drift": list(onboarded.found)})
        return tenant.user_group_id if tokens else group.token

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
        from airflow_provider_explo.tenants.validation import TenantValidator

        rules = TenantValidator(
            mapping_schema=self.beside_dag(self.mapping_schema),
            properties_schema=self.beside_dag(self.properties_schema),
        )
        return rules.tenant(
            user_group_id=self.user_group_id, name=self.name, mapping=self.mapping, properties=self.properties
        )

    @contextmanager
    def _tokens(self) -> Iterator[TokenTable | None]:
        """The token table, seen to be usable before Explo is called."""
        if self.token_conn_id is None:
            yield None
            return
        from airflow_provider_explo.sql.engine import engines_of
        from airflow_provider_explo.sql.token_table import DEFAULT_TABLE, TokenTable

        with engines_of(self.token_conn_id) as (engine,):
            tokens = TokenTable(engine, DEFAULT_TABLE if self.token_table is None else self.token_table)
            tokens.create_if_missing()
            tokens.check()
            yield tokens
