"""A sync from end to end, for one tenant and for a million: rows are planned, the plan is applied, results reported."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sql.rejects_table import RejectsTable
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.sync.apply import Applier, Result
from airflow_provider_explo.sync.plan import Action, Change, Planner
from airflow_provider_explo.sync.plan_table import PlanTable, plan_counts
from airflow_provider_explo.sync.shutdown import ShutdownSignal
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.tenants.outcome import MAX_SUMMARY_PROBLEMS, Summary
from airflow_provider_explo.tenants.validation import TenantValidator

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient

PROGRESS_INTERVAL = 30.0

log = logging.getLogger(__name__)
Hashes = Callable[[Collection[str]], Mapping[str, str]]
Rows = Iterable[Sequence[Mapping[str, Any]]]


class Sync:
    """One run.

    :param tokens: where tokens are saved, and what is known; None for a run that returns its token instead.
    :param validator: what a tenant must be.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    :param signal: ends the run early.
    :param always_ask: send a request also for a tenant whose content is unchanged.
    """

    def __init__(
        self,
        *,
        tokens: TokenTable | None,
        validator: TenantValidator,
        if_exists: str,
        signal: ShutdownSignal,
        always_ask: bool = False,
    ) -> None:
        self._tokens = tokens
        self._validator = validator
        self._if_exists = if_exists
        self._signal = signal
        self._always_ask = always_ask
        self.gave_up: ExploError | None = None

    def plan(self, rows: Rows, hashes: Hashes) -> PlanTable:
        """Plan, and do nothing.

        :param hashes: from ids to the content hashes of tenants in the token table, which may not be there.
        :raises ExploError: the rows or the token table cannot be read.
        """
        with Spool[Change]() as spool:
            return PlanTable(self._planned(spool, rows, hashes))

    def run(
        self,
        rows: Rows,
        client: Callable[[], AbstractContextManager[ExploClient]],
        *,
        max_in_flight: int = 1,
        chunk_size: int = 500,
    ) -> Generator[list[Result]]:
        """Plan, and apply the plan. Afterwards :attr:`gave_up` is why it stopped sending before the end, or None.

        :param client: makes the client; not called where there is nothing to send.
        :raises ExploError: the rows cannot be read, tokens cannot be saved, or the task is being terminated.
        """
        if self._tokens is not None:
            self._tokens.prepare()
        counts: Counter[Action] = Counter()
        to_send = 0
        with Spool[Change]() as spool:
            for changes in self._planned(spool, rows, self._hashes):
                counts.update(change.action for change in changes)
                to_send += sum(change.sends for change in changes)
                settled = [Result(change=change, error=change.error) for change in changes if not change.sends]
                # Problems wait in the spool: while the query is open, SQLite lets no one write.
                yield [result for result in settled if not result.outcome.is_problem]
            log.info("%s", plan_counts(counts))
            if not to_send:
                for changes in spool.chunks(chunk_size):
                    yield [Result(change=change, error=change.error) for change in changes]
                return
            with client() as explo:
                log.info("%s", _forecast(to_send, explo.requests_per_minute))
                applier = Applier(
                    explo,
                    self._tokens,
                    if_exists=self._if_exists,
                    max_in_flight=max_in_flight,
                    signal=self._signal,
                    recheck=not self._always_ask,
                )
                progress = Progress("Tenants done", total=to_send)
                for results in applier.apply(spool.chunks(chunk_size)):
                    progress.add(len(results))
                    yield results
                self.gave_up = applier.breaker.error

    def _hashes(self, user_group_ids: Collection[str]) -> Mapping[str, str]:
        return {} if self._tokens is None else self._tokens.hashes(user_group_ids)

    def _planned(self, spool: Spool[Change], rows: Rows, hashes: Hashes) -> Iterator[list[Change]]:
        planner = Planner(
            spool, validator=self._validator, hashes=hashes, if_exists=self._if_exists, always_ask=self._always_ask
        )
        progress = Progress("Rows planned")
        for changes in planner.plan(rows):
            self._signal.raise_if_set()
            progress.add(len(changes))
            yield changes


class Report:
    """Records results as they come: in the log, in the rejects table, in a summary.

    :param rejects: keeps rows that need attention, or None.
    """

    def __init__(self, *, rejects: RejectsTable | None = None) -> None:
        self.summary = Summary()
        self._rejects = rejects
        self._drifted = 0

    def record(self, results: Sequence[Result]) -> None:
        """Count outcomes, log those that need attention, and keep these in the rejects table.

        :raises ExploError: the rejects table cannot be written.
        """
        outcomes = [result.outcome for result in results]
        for outcome in outcomes:
            self.summary.add(outcome)
            if outcome.is_problem:
                log.warning("%s", outcome)
            elif outcome.drift:
                self._drifted += 1
                if self._drifted <= MAX_SUMMARY_PROBLEMS:
                    log.warning("%s", outcome)
        if self._rejects is not None:
            self._rejects.add([outcome for outcome in outcomes if outcome.is_problem])

    def log_summary(self) -> None:
        """Log the counts."""
        if self._drifted > MAX_SUMMARY_PROBLEMS:
            log.warning("%d more user groups differ from their rows", self._drifted - MAX_SUMMARY_PROBLEMS)
        if self._drifted:
            log.warning("if_exists='update' sends what differs")
        log.info("%d rows: %s", self.summary.rows, self.summary)


class Progress:
    """A line in the log every half minute.

    :param label: what is counted: ``Tenants done``.
    :param total: how many there are, or None where that is not known.
    :param clock: monotonic seconds.
    """

    def __init__(self, label: str, *, total: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = label
        self._total = total
        self._clock = clock
        self._started = self._logged = clock()
        self._done = 0

    def add(self, count: int) -> None:
        """Count so many more."""
        self._done += count
        now = self._clock()
        if now - self._logged >= PROGRESS_INTERVAL:
            self._logged = now
            log.info("%s: %s", self._label, self._line(self._done / (now - self._started)))

    def _line(self, rate: float) -> str:
        pace = f"{rate * 60:,.0f} per minute"
        if self._total is None:
            return f"{self._done:,} so far, {pace}"
        return f"{self._done:,} of {self._total:,}, {pace}, about {duration((self._total - self._done) / rate)} left"


def _forecast(total: int, rate: float) -> str:
    tenants = "1 tenant" if total == 1 else f"{total:,} tenants"
    return f"sending {tenants} at {rate:,.0f} requests/min; at least {duration(total / rate * 60)}"


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``7 min``, ``1 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
