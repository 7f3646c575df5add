"""A bulk run from end to end: rows are planned, the plan is carried out, and the end is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sql.tenant_query import TenantRows
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.sync.apply import Applier
from airflow_provider_explo.sync.plan_table import PlanTable, counted
from airflow_provider_explo.sync.planner import Planned, Planner
from airflow_provider_explo.sync.progress import Progress, duration
from airflow_provider_explo.sync.report import Report
from airflow_provider_explo.sync.spool import Worklist
from airflow_provider_explo.sync.stop import Stop
from airflow_provider_explo.tenants.validation import TenantValidator

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient

log = logging.getLogger(__name__)


class BulkRun:
    """One run of a :class:`~airflow_provider_explo.transfers.sql_to_explo.SqlToExploOperator`.

    :param rules: what a tenant must be.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    """

    def __init__(
        self,
        worklist: Worklist,
        *,
        rows: TenantRows,
        tokens: TokenTable,
        rules: TenantValidator,
        if_exists: str,
        stop: Stop,
    ) -> None:
        self._worklist = worklist
        self._rows = rows
        self._tokens = tokens
        self._rules = rules
        self._if_exists = if_exists
        self._stop = stop

    def dry(self) -> dict[str, Any]:
        """Plan, and do nothing: the plan goes to the log.

        :returns: the plan as plain values.
        :raises ExploError: the rows or the token table cannot be read.
        """
        there = self._tokens.exists()
        table = PlanTable(self._plan(known=self._tokens.hashes if there else lambda ids: {}))
        log.info("Dry run: no call is made and nothing is written\n%s", "\n".join(table.lines()))
        return table.as_dict()

    def run(
        self, report: Report, client: Callable[[], AbstractContextManager[ExploClient]], *, max_in_flight: int
    ) -> ExploError | None:
        """Plan, and carry the plan out.

        :param client: makes the client; not called where there is nothing to send.
        :returns: why calling was given up before the end, or None.
        :raises ExploError: the rows cannot be read, tokens cannot be saved, or the task was told to stop.
        """
        self._tokens.create_if_missing()
        self._tokens.check()
        counts: Counter[str] = Counter()
        for planned in self._plan(known=self._tokens.hashes):
            counts.update(one.step.action for one in planned)
            outcomes = [outcome for one in planned if (outcome := one.outcome()) is not None]
            report.hear(outcomes)
            # While the query is open, SQLite lets nobody write.
            self._worklist.set_aside(outcome for outcome in outcomes if outcome.is_problem)
        for outcomes in self._worklist.aside(self._rows.chunk_size):
            report.keep(outcomes)
        log.info("%s", counted(counts))
        given_up = None
        if total := len(self._worklist):
            with client() as explo:
                log.info("%s", self._forecast(total, explo))
                report.expect(total)
                applier = Applier(
                    explo,
                    self._tokens,
                    if_exists=self._if_exists,
                    max_in_flight=max_in_flight,
                    stop=self._stop,
                    report=report,
                )
                given_up = applier.apply(self._worklist.chunks(self._rows.chunk_size))
        report.end()
        return given_up

    def _plan(self, *, known: Any) -> Iterator[list[Planned]]:
        planner = Planner(self._worklist, rules=self._rules, known=known, if_exists=self._if_exists)
        progress = Progress("Rows planned")
        for planned in planner.plan(self._rows.chunks()):
            self._stop.check()
            progress.add(len(planned))
            yield planned
        if self._rows.unused:
            log.warning("sql: the columns %s mean nothing here, and are not used", ", ".join(self._rows.unused))

    @staticmethod
    def _forecast(total: int, explo: ExploClient) -> str:
        rate = explo.requests_per_minute
        return f"{total:,} tenants to send, at {rate:,.0f} calls a minute: {duration(total / rate * 60)} at least"
