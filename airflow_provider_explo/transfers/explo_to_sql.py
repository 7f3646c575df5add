"""ExploToSqlOperator: every customer that Explo has, into a table."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.exceptions import NON_RETRYABLE, ExploPlanRefusedError, counted, message
from airflow_provider_explo.operators.base import ExploOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.sql.customers_table import CustomersTable
    from airflow_provider_explo.sync.shutdown import ShutdownSignal

LOGGED_PAGES = 10
BATCH_SIZE = 1000

log = logging.getLogger(__name__)


class ExploToSqlOperator(ExploOperator):
    """Copy every customer (user group) that the API token sees into a table: an inventory.

    One request for 1,000 customers. The whole list is read first, into a temporary file on the worker; then the table's
    rows are replaced in one transaction. So readers see the old list or the new one, and where the list cannot be read
    to its end, the old rows stay. A customer that is created or deleted while the list is read may be missed until the
    next run.

    An empty list does not replace rows: more likely than the loss of every customer is an API token of another data
    visibility group, and the table may be the last copy. To have an empty table, delete its rows.

    The return value is ``{"customers": how many, "table": its name}``.

    :param sql_conn_id: Airflow connection of the database, any with a ``DbApiHook`` and an SQLAlchemy dialect.
        (templated)
    :param table: ``table`` or ``schema.table``, made if missing: ``provided_id`` (key), ``name``, ``is_demo_group``,
        ``access_group``, ``hierarchy_level``, ``synced_at`` (UTC, the run's start), and as JSON text ``emails``,
        ``group_tags``, ``properties``, ``computed_properties``, ``parent_schema_datasource_mapping`` and
        ``computed_parent_schema_datasource_mapping``. All its rows are replaced: it belongs to this task alone.
        (templated)
    :param explo_conn_id: Airflow connection of type ``explo``. (templated)
    :param include_tokens: write each customer's token, a secret, to a column ``token``.
    :raises AirflowFailException: for what a retry cannot fix: a wrong connection, a table that cannot be used, a
        response of another shape, an empty list for a table that has rows.
    :raises ExploRateLimitError: 429 for longer than the connection's ``retry_timeout``; Airflow's retries apply.
    :raises ExploUnavailableError: likewise for 5xx, timeouts and broken connections.
    :raises ExploError: likewise for a database that is away.
    """

    template_fields: Sequence[str] = ("sql_conn_id", "table", "explo_conn_id")

    def __init__(
        self,
        *,
        sql_conn_id: str,
        table: str = "explo_customers",
        explo_conn_id: str = "explo_default",
        include_tokens: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.explo_conn_id = explo_conn_id
        self.include_tokens = include_tokens
        self._customers: int | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_explo.sync.shutdown import ShutdownSignal

        self._signal = signal = ShutdownSignal()
        try:
            self._customers = customers = signal.run(lambda: self._copy(signal))
        except NON_RETRYABLE as error:
            raise AirflowFailException(str(error)) from None
        return {"customers": customers, "table": self.table}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Lineage for the OpenLineage provider: Explo's customers and their table."""
        from airflow_provider_explo.transfers.lineage import inventory_lineage

        return inventory_lineage(self, self._customers)

    def _copy(self, signal: ShutdownSignal) -> int:
        from airflow_provider_explo.hooks.explo import ExploHook
        from airflow_provider_explo.sql.customers_table import CustomersTable
        from airflow_provider_explo.sql.engine import databases_of

        hook = ExploHook(explo_conn_id=self.explo_conn_id)
        with databases_of(self.sql_conn_id) as (database,), hook.client(sleep=signal.sleep) as client:
            table = CustomersTable(database.engine, self.table, include_tokens=self.include_tokens)
            return self._replace(client, table, signal)

    def _replace(self, client: ExploClient, table: CustomersTable, signal: ShutdownSignal) -> int:
        from airflow_provider_explo.sql.row_spool import RowSpool
        from airflow_provider_explo.sql.table import utc_now
        from airflow_provider_explo.transfers.customer_rows import CustomerRows

        table.prepare()
        synced_at = utc_now()
        rows = CustomerRows()
        with RowSpool(table.row_columns) as spool:
            for number, groups in enumerate(client.pages(complete=True), 1):
                signal.raise_if_set()
                spool.put(map(rows.row, groups))
                if number % LOGGED_PAGES == 0:
                    log.info("%s read in %d requests", counted(len(spool), "customer"), number)
            customers, before = len(spool), table.count()
            if before and not customers:
                raise ExploPlanRefusedError(
                    message(
                        f"{table.label}: not replaced, because Explo's list is empty",
                        found=f"0 customers in Explo, {counted(before, 'row')} in the table",
                        fix="check the API token's data visibility group; if it is true, delete the rows by hand",
                    )
                )
            for warning in rows.warnings():
                log.warning("%s: %s", table.label, warning)

            def batches() -> Iterator[list[dict[str, Any]]]:
                for batch in spool.batches(BATCH_SIZE):
                    signal.raise_if_set()
                    yield batch

            table.replace(batches, synced_at=synced_at)
        log.info("%s: %s, before %s", table.label, counted(customers, "customer"), f"{before:,}")
        return customers
