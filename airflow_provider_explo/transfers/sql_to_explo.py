"""SqlToExploOperator: the tenants of a query into Explo, however many they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import NON_RETRYABLE, ExploError
from airflow_provider_explo.operators import base
from airflow_provider_explo.operators.base import IF_EXISTS, ExploOperator, check_choice, check_kind, check_number

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_explo.sync.shutdown import ShutdownSignal
    from airflow_provider_explo.tenants.outcome import Kind


class SqlToExploOperator(ExploOperator):
    """Make Explo hold the tenants that a query returns, and keep their tokens in a table.

    Rows are checked, and compared with Explo's own list (one request for each 1,000 customers) and the token table.
    Only a difference costs a request. Each token is saved as it comes: a task that was killed resumes where it was.
    Every row has one outcome: ``created``, ``existing``, ``updated``, ``token_updated``, ``unchanged``, ``deleted``,
    ``orphaned``, ``rejected`` (bad input) or ``failed`` (Explo refused it, or could not be reached). The return value
    has a count for each, problems by cause, what ended the run first, and a Markdown ``text``; never a token.

    :param sql: a query, or the path of a ``.sql`` file with one, that returns ``user_group_id``, ``name`` and
        optionally ``mapping``, ``properties`` (JSON, or JSON text) and the Customer API's fields, a row for each
        tenant. (templated)
    :param parameters: a mapping, for ``:name`` in the query on every database; or a sequence, which goes to the driver
        unchanged, for its own placeholders. (templated)
    :param sql_conn_id: Airflow connection of the database to read, any with a ``DbApiHook``. (templated)
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param token_table: where tokens are kept: ``table`` or ``schema.table``, made if missing. Each row belongs to the
        ``explo_conn_id`` that wrote it. (templated)
    :param token_conn_id: Airflow connection of its database, any with an SQLAlchemy dialect; by default
        ``sql_conn_id``. (templated)
    :param if_exists: for a tenant that Explo has with other content: ``keep`` leaves the group as it is and warns of
        drift, ``update`` sends what differs, ``fail`` gives the tenant the outcome ``failed``.
    :param if_missing: for a tenant that is in the token table and no longer in the query: ``keep``, ``report``
        (outcome ``orphaned``) or ``delete``. Groups that this provider never made are counted, and never touched.
    :param refresh: read Explo's list before planning. Without, the token table is trusted: a group that was deleted or
        edited in Explo, and a token that was replaced there, go unnoticed.
    :param max_change_share: a plan that updates, makes again or deletes more than this share of the tenants known
        before, and at least 10, is refused before any change; also one that deletes or makes again all of them.
    :param max_rejected_share: rejected rows up to this share of all do not fail the task.
    :param mapping_schema: a JSON Schema (Draft 2020-12) that ``mapping`` must satisfy too, or the path of a file that
        holds one, relative to the DAG file's folder or to the working directory. (a path is templated)
    :param properties_schema: likewise for ``properties``. (a path is templated)
    :param on_rejected: ``fail`` fails the task in the end if a row was rejected; ``skip`` does not.
    :param rejects_table: who is broken now: a row for each tenant that was rejected or failed, gone once the tenant is
        well or not in the query any more; in the token table's database, made if missing. (templated)
    :param log_table: what was done: a row for each change and each new problem, append-only; likewise. (templated)
    :param dry_run: only read: log the plan, and return it, with its ``digest`` and a Markdown ``text``.
    :param approved_plan: the return value of a dry run, or its digest: exactly these changes are carried out. What has
        changed since waits for the next plan. (templated)
    :param chunk_size: rows read, and looked up, at once.
    :param max_in_flight: requests to Explo at once.
    :param budget_share: how much of the connection's ``requests_per_minute`` this task uses, from above 0 to 1: where
        several tasks run at once, in a pool of as many slots, each takes its share.
    :param ignore_columns: columns of the query that are not fields of a tenant; any other unknown column is an error.
    :param create_group_tags: make the group tags that tenants want and Explo does not have.
    :raises AirflowFailException: for what a retry cannot fix: rows rejected or refused, a wrong connection, a query or
        a table that cannot be used, a plan that is refused.
    :raises ExploUnavailableError: Explo could not be reached for some rows; Airflow's retries apply, and send those;
        likewise ExploRateLimitError for 429, and ExploError for a database that was away.
    """

    template_fields: Sequence[str] = (
        "sql",
        "parameters",
        "sql_conn_id",
        "explo_conn_id",
        "token_table",
        "token_conn_id",
        "mapping_schema",
        "properties_schema",
        "rejects_table",
        "log_table",
        "approved_plan",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "parameters": "json", "approved_plan": "json"}
    native_fields = ("parameters",)
    json_fields = ("approved_plan",)
    rendered_types = {"sql": (str,), "parameters": (Mapping, list, tuple)}
    verbatim_fields = ("mapping_schema", "properties_schema")
    operator_extra_links = base.page_links()

    def __init__(
        self,
        *,
        sql: str,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        sql_conn_id: str,
        explo_conn_id: str = "explo_default",
        token_table: str = "explo_user_groups",
        token_conn_id: str | None = None,
        if_exists: str = "keep",
        if_missing: str = "keep",
        refresh: bool = True,
        max_change_share: float = 0.3,
        max_rejected_share: float | None = None,
        mapping_schema: Mapping[str, Any] | str | None = None,
        properties_schema: Mapping[str, Any] | str | None = None,
        on_rejected: str = "fail",
        rejects_table: str | None = None,
        log_table: str | None = None,
        dry_run: bool = False,
        approved_plan: Mapping[str, Any] | str | None = None,
        chunk_size: int = 500,
        max_in_flight: int = 4,
        budget_share: float = 1.0,
        ignore_columns: Sequence[str] = (),
        create_group_tags: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("if_exists", if_exists, IF_EXISTS)
        check_choice("if_missing", if_missing, ("keep", "report", "delete"))
        check_choice("on_rejected", on_rejected, ("fail", "skip"))
        check_kind("parameters", parameters, Mapping, list, tuple, expected="a mapping, or a list or tuple")
        check_kind("ignore_columns", ignore_columns, list, tuple, set, frozenset, expected="a list of column names")
        for name, number in (("chunk_size", chunk_size), ("max_in_flight", max_in_flight)):
            check_number(name, number, number >= 1, expected="1 or more")
        for name, share in (("max_change_share", max_change_share), ("max_rejected_share", max_rejected_share or 0)):
            check_number(name, share, 0 <= share <= 1, expected="a number from 0 to 1")
        check_number("budget_share", budget_share, 0 < budget_share <= 1, expected="more than 0 and at most 1")
        if dry_run and approved_plan is not None:
            raise ValueError("dry_run: makes a plan, and approved_plan carries one out; give one of the two")
        self.sql = sql
        self.parameters = parameters
        self.sql_conn_id = sql_conn_id
        self.explo_conn_id = explo_conn_id
        self.token_table = token_table
        self.token_conn_id = token_conn_id
        self.if_exists = if_exists
        self.if_missing = if_missing
        self.refresh = refresh
        self.max_change_share = max_change_share
        self.max_rejected_share = max_rejected_share
        self.mapping_schema = mapping_schema
        self.properties_schema = properties_schema
        self.on_rejected = on_rejected
        self.rejects_table = rejects_table
        self.log_table = log_table
        # BaseOperator has a method of the name dry_run.
        self._dry_run = dry_run
        self.approved_plan = approved_plan
        self.chunk_size = chunk_size
        self.max_in_flight = max_in_flight
        self.budget_share = budget_share
        self.ignore_columns = ignore_columns
        self.create_group_tags = create_group_tags
        self._counts: Counter[Kind] = Counter()

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_explo.sync.shutdown import ShutdownSignal
        from airflow_provider_explo.transfers.lineage import count_in_events

        self._signal = signal = ShutdownSignal()
        try:
            result, error = signal.run(lambda: self._execute(context, signal))
            if error is not None:
                # A task that fails returns nothing, and its callbacks want the counts too.
                context["ti"].xcom_push(key="return_value", value=result)
                raise error
        except NON_RETRYABLE as error:
            raise AirflowFailException(str(error)) from None
        count_in_events(context, self.outlets, self._counts)
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Lineage for the OpenLineage provider: the query's tables, the token table and Explo's customers."""
        from airflow_provider_explo.transfers.lineage import sync_lineage

        return sync_lineage(self, self._counts, dry_run=self._dry_run)

    def _execute(self, context: Context, signal: ShutdownSignal) -> tuple[dict[str, Any], ExploError | None]:
        from airflow_provider_explo.hooks.explo import ExploHook
        from airflow_provider_explo.hooks.metrics import count_tenants
        from airflow_provider_explo.sql.engine import databases_of
        from airflow_provider_explo.sql.log_table import LogTable
        from airflow_provider_explo.sql.rejects_table import RejectsTable
        from airflow_provider_explo.sql.tenant_query import TenantQuery
        from airflow_provider_explo.sql.token_table import TokenTable
        from airflow_provider_explo.sync.approval import ApprovedPlan
        from airflow_provider_explo.sync.report import Report
        from airflow_provider_explo.sync.run import Sync, check_fields
        from airflow_provider_explo.tenants.validation import TenantValidator

        validator = TenantValidator(
            mapping_schema=self.schema_path(self.mapping_schema),
            properties_schema=self.schema_path(self.properties_schema),
        )
        approved = None if self.approved_plan is None else ApprovedPlan.parse(self.approved_plan)
        hook = ExploHook(explo_conn_id=self.explo_conn_id)
        with databases_of(self.sql_conn_id, self.token_conn_id or self.sql_conn_id) as (source, database):
            target = database.engine
            query = TenantQuery(
                source,
                self.sql,
                parameters=self.parameters,
                chunk_size=self.chunk_size,
                ignore_columns=self.ignore_columns,
                check_fields=lambda columns: check_fields(columns, lambda: hook.get_conn().settings.api),
            )
            sync = Sync(
                lambda max_attempts: hook.client(
                    max_in_flight=self.max_in_flight,
                    budget_share=self.budget_share,
                    sleep=signal.sleep,
                    max_attempts=max_attempts,
                ),
                tokens=TokenTable(target, self.token_table, explo_conn_id=self.explo_conn_id),
                validator=validator,
                signal=signal,
                if_exists=self.if_exists,
                if_missing=self.if_missing,
                refresh=self.refresh,
                max_change_share=self.max_change_share,
                create_group_tags=self.create_group_tags,
                approved=approved,
            )
            if self._dry_run:
                plan = sync.plan(query.chunks())
                self.log.info("Dry run: only the list is requested, nothing is written\n%s", "\n".join(plan.lines()))
                return plan.as_dict(), None
            task, run = base.names_of(context) if self.rejects_table or self.log_table else ("", "")
            report = Report(
                rejects=RejectsTable(target, self.rejects_table, task=task) if self.rejects_table else None,
                history=LogTable(target, self.log_table, task=task, run=run) if self.log_table else None,
            )
            self._counts = report.summary.counts
            report.prepare()
            results = sync.run(query.chunks(), max_in_flight=self.max_in_flight, chunk_size=self.chunk_size)
            with closing(results):
                for chunk in results:
                    count_tenants(report.record(chunk))
            report.end(sync.gave_up)
        result = {**report.summary.as_dict(), "unmanaged": sync.unmanaged}
        return result, report.failure(self.on_rejected, self.max_rejected_share, clear=base.how_to_clear(context))
