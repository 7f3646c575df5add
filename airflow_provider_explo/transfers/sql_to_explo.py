"""SqlToExploOperator: the tenants of a query into Explo, however many they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploError,
    ExploRateLimitError,
    ExploUnavailableError,
)
from airflow_provider_explo.operators.base import IF_EXISTS, ExploOperator, check_choice, check_kind

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_explo.sync.shutdown import ShutdownSignal
    from airflow_provider_explo.tenants.outcome import Summary

ON_REJECTED = ("fail", "skip")


class SqlToExploOperator(ExploOperator):
    """Bring the tenants that a query returns into Explo, and their tokens into a table.

    Every row is checked and compared with the token table; only what is new or changed costs a request. Requests go out
    evenly within the connection's ``requests_per_minute``, and each token is saved as it comes: the next run of a task
    that was killed resumes from there. Every row gets one outcome: ``created``, ``existing``, ``updated``,
    ``unchanged``, ``rejected`` (bad input) or ``failed`` (Explo refused it, or was unavailable). The return value is a
    summary with a count for each, and the first 20 problems; it never holds a token.

    :param sql: a query, or the path of a ``.sql`` file with one, that returns ``user_group_id``, ``name`` and
        optionally ``mapping`` and ``properties`` (JSON, or JSON text); one row per tenant. (templated)
    :param parameters: a mapping, for ``:name`` in the query, on every database; or a list or tuple, which goes to the
        driver unchanged, for its own placeholders. (templated)
    :param sql_conn_id: Airflow connection of the database to read, any with a ``DbApiHook`` and an SQLAlchemy dialect.
        (templated)
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param token_table: where tokens are kept: ``table`` or ``schema.table``, made if missing. (templated)
    :param token_conn_id: Airflow connection of its database; by default ``sql_conn_id``. (templated)
    :param if_exists: for an existing group with other content: ``keep`` leaves it as it is and warns of drift,
        ``update`` sends the row's content, ``fail`` gives the tenant the outcome ``failed``.
    :param mapping_schema: a JSON Schema (Draft 2020-12) that ``mapping`` must satisfy too, or the path of a file that
        holds one, relative to the DAG file's folder or to the working directory. (a path is templated)
    :param properties_schema: likewise for ``properties``. (a path is templated)
    :param on_rejected: ``fail`` fails the task at its end if a row was rejected; ``skip`` does not.
    :param rejects_table: keeps rejected and failed rows with the reason, in the token table's database; made if
        missing. (templated)
    :param chunk_size: rows read, and looked up in the token table, at once.
    :param max_in_flight: requests at once.
    :param budget_share: how much of the connection's ``requests_per_minute`` this task uses, from above 0 to 1: where
        several tasks run at once, in a pool of as many slots, each takes its share.
    :param dry_run: send no request and write nothing; log the plan, and return it.
    :raises AirflowFailException: for what a retry cannot fix: rows rejected or refused, a wrong connection, a query or
        a table that cannot be used.
    :raises ExploUnavailableError: Explo was unavailable for some rows; Airflow's retries apply, and send those.
    :raises ExploRateLimitError: likewise for 429.
    :raises ExploError: a database was away; likewise.
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
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "parameters": "json"}
    native_fields = ("parameters",)
    verbatim_fields = ("mapping_schema", "properties_schema")

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
        mapping_schema: Mapping[str, Any] | str | None = None,
        properties_schema: Mapping[str, Any] | str | None = None,
        on_rejected: str = "fail",
        rejects_table: str | None = None,
        chunk_size: int = 500,
        max_in_flight: int = 4,
        budget_share: float = 1.0,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("if_exists", if_exists, IF_EXISTS)
        check_choice("on_rejected", on_rejected, ON_REJECTED)
        if parameters is not None:
            check_kind("parameters", parameters, Mapping, list, tuple, expected="a mapping, or a list or tuple")
        for name, number in (("chunk_size", chunk_size), ("max_in_flight", max_in_flight)):
            if number < 1:
                raise ValueError(f"{name}: expected 1 or more, found {number!r}")
        if not 0 < budget_share <= 1:
            raise ValueError(f"budget_share: expected more than 0 and at most 1, found {budget_share!r}")
        self.sql = sql
        self.parameters = parameters
        self.sql_conn_id = sql_conn_id
        self.explo_conn_id = explo_conn_id
        self.token_table = token_table
        self.token_conn_id = token_conn_id
        self.if_exists = if_exists
        self.mapping_schema = mapping_schema
        self.properties_schema = properties_schema
        self.on_rejected = on_rejected
        self.rejects_table = rejects_table
        self.chunk_size = chunk_size
        self.max_in_flight = max_in_flight
        self.budget_share = budget_share
        # BaseOperator has a method of the name dry_run.
        self._dry_run = dry_run
        self._signal: ShutdownSignal | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_explo.sync.shutdown import ShutdownSignal

        self._signal = ShutdownSignal()
        try:
            return self._execute(context, self._signal)
        except ExploConfigError as error:
            raise AirflowFailException(str(error)) from None

    def on_kill(self) -> None:
        """Airflow terminates this task: requests in flight finish and are saved, and no other is sent."""
        if self._signal is not None:
            self._signal.set()

    def _execute(self, context: Context, signal: ShutdownSignal) -> dict[str, Any]:
        from airflow_provider_explo.hooks.explo import ExploHook
        from airflow_provider_explo.sql.engine import engines_of
        from airflow_provider_explo.sql.rejects_table import RejectsTable
        from airflow_provider_explo.sql.tenant_query import TenantQuery
        from airflow_provider_explo.sql.token_table import TokenTable
        from airflow_provider_explo.sync.run import Report, Sync
        from airflow_provider_explo.tenants.validation import TenantValidator

        validator = TenantValidator(
            mapping_schema=self.schema_path(self.mapping_schema),
            properties_schema=self.schema_path(self.properties_schema),
        )
        with engines_of(self.sql_conn_id, self.token_conn_id or self.sql_conn_id) as (source, target):
            query = TenantQuery(source, self.sql, parameters=self.parameters, chunk_size=self.chunk_size)
            tokens = TokenTable(target, self.token_table)
            sync = Sync(tokens=tokens, validator=validator, if_exists=self.if_exists, signal=signal)
            if self._dry_run:
                plan = sync.plan(query.chunks(), tokens.hashes if tokens.exists() else lambda ids: {})
                self.log.info("Dry run: no request is sent and nothing is written\n%s", "\n".join(plan.lines()))
                return plan.as_dict()
            rejects = None
            if self.rejects_table:
                rejects = RejectsTable(target, self.rejects_table, run=_run_of(context))
                rejects.prepare()
            report = Report(rejects=rejects)
            hook = ExploHook(explo_conn_id=self.explo_conn_id)
            results = sync.run(
                query.chunks(),
                lambda: hook.client(
                    max_in_flight=self.max_in_flight, budget_share=self.budget_share, sleep=signal.sleep
                ),
                max_in_flight=self.max_in_flight,
                chunk_size=self.chunk_size,
            )
            with closing(results):
                for chunk in results:
                    report.record(chunk)
            if query.ignored:
                self.log.warning("sql: ignoring unknown columns: %s", ", ".join(query.ignored))
            report.log_summary()
        return self._conclude(context, report.summary, sync.gave_up)

    def _conclude(self, context: Context, summary: Summary, gave_up: ExploError | None) -> dict[str, Any]:
        failed, rejected = summary.counts["failed"], summary.counts["rejected"]
        if not failed and not (rejected and self.on_rejected == "fail"):
            return summary.as_dict()
        # A task that fails returns nothing, and whoever is on call wants the counts too.
        context["ti"].xcom_push(key="return_value", value=summary.as_dict())
        message = summary.failure()
        if not summary.can_retry:
            raise AirflowFailException(message)
        if isinstance(gave_up, ExploRateLimitError):
            raise ExploRateLimitError(message, retry_after=gave_up.retry_after)
        raise ExploUnavailableError(message)


def _run_of(context: Context) -> str:
    """A name for this task's work that is the same at every attempt, and when the same interval is run again."""
    ti: Any = context["ti"]
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    when = f"{start.isoformat()}/{end.isoformat()}" if start and end else ti.run_id
    return f"{ti.dag_id}/{ti.task_id}/{when}" + (f"/{ti.map_index}" if ti.map_index >= 0 else "")
