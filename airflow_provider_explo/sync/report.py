"""What a run reports as it goes on: the log, the rejects table, the log table, and a summary."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploError,
    ExploRateLimitError,
    ExploUnavailableError,
    counted,
)
from airflow_provider_explo.sql.log_table import LogEntry, LogTable
from airflow_provider_explo.sql.rejects_table import RejectsTable
from airflow_provider_explo.sync.actual import can_retry
from airflow_provider_explo.sync.result import Results
from airflow_provider_explo.tenants.outcome import CHANGED_KINDS, Kind, Outcome, Summary

MAX_LISTED_DRIFT = 20

log = logging.getLogger(__name__)


class Report:
    """Records results as they come.

    A side table that cannot be written is not fatal: the run goes on, and :attr:`errors` says why it fails in the end.

    :param rejects: who is broken now, or None.
    :param history: what was changed, or None.
    """

    def __init__(self, *, rejects: RejectsTable | None = None, history: LogTable | None = None) -> None:
        self.summary = Summary()
        self.errors: dict[str, ExploError] = {}
        self._rejects = rejects
        self._history = history
        self._drifted = 0
        self._gave_up: ExploError | None = None

    def prepare(self) -> None:
        """Make the side tables if missing, and check them."""
        if self._rejects is not None:
            self._write("rejects", self._rejects.prepare)
        if self._history is not None:
            self._write("history", self._history.prepare)

    def record(self, recorded: Results) -> Counter[Kind]:
        """Count outcomes, log those that need attention, and keep them in the side tables.

        :returns: the counts of these.
        """
        results, unchanged = recorded
        self.summary.counts["unchanged"] += unchanged
        outcomes = [result.outcome for result in results]
        for result, outcome in zip(results, outcomes, strict=True):
            self.summary.add(outcome)
            if outcome.is_problem or outcome.kind == "orphaned" or result.change.recreated:
                log.warning("%s", outcome)
            elif outcome.drift:
                self._drifted += 1
                if self._drifted <= MAX_LISTED_DRIFT:
                    log.warning("%s", outcome)
        rejects, history = self._rejects, self._history
        new: list[Outcome] = [outcome for outcome in outcomes if outcome.is_problem]
        if rejects is not None:
            new = self._write("rejects", lambda: rejects.record(outcomes)) or []
        if history is not None:
            entries = [
                LogEntry.of(outcome, result.differences)
                for result, outcome in zip(results, outcomes, strict=True)
                if outcome.kind in CHANGED_KINDS or outcome in new
            ]
            self._write("history", lambda: history.add(entries))
        counts: Counter[Kind] = Counter(outcome.kind for outcome in outcomes)
        counts["unchanged"] += unchanged
        return counts

    def end(self, gave_up: ExploError | None) -> None:
        """Every row was recorded: log the counts. A tenant that the query no longer has is not broken now.

        :param gave_up: why sending stopped before the end.
        """
        if self._rejects is not None:
            self._write("rejects", self._rejects.finish)
        self._gave_up = gave_up
        if gave_up is not None:
            self.summary.causes.end(gave_up)
        if self._drifted > MAX_LISTED_DRIFT:
            log.warning("%d more user groups differ from their rows", self._drifted - MAX_LISTED_DRIFT)
        if self._drifted:
            log.warning("if_exists='update' sends what differs")
        log.info("%s: %s", counted(self.summary.rows, "row"), self.summary)

    def failure(self, on_rejected: str, max_rejected_share: float | None, *, clear: str) -> ExploError | None:
        """The error that the run ends with, of a kind that is retried where that can help; None for a success.

        :param on_rejected: ``fail`` or ``skip``.
        :param max_rejected_share: rejected rows up to this share are no failure.
        :param clear: the last lines: how to run the task again.
        """
        summary, errors = self.summary, list(self.errors.values())
        rejected = summary.counts["rejected"]
        tolerated = on_rejected == "skip" or rejected <= (max_rejected_share or 0) * summary.rows
        if not summary.counts["failed"] and not errors and tolerated:
            if rejected:
                log.warning("%s", summary.page())
            return None
        next_steps = ["Airflow's retries send the rows that failed."] if summary.can_retry else []
        if rejected + summary.counts["failed"] < summary.rows:
            next_steps.append("Tenants that are done cost no request in the next run.")
        text = summary.page(*map(str, errors), *next_steps, clear)
        if summary.can_retry and isinstance(self._gave_up, ExploRateLimitError):
            return ExploRateLimitError(text, retry_after=self._gave_up.retry_after)
        if summary.can_retry:
            return ExploUnavailableError(text)
        return ExploError(text) if any(map(can_retry, errors)) else ExploConfigError(text)

    def _write(self, table: str, work: Callable[[], list[Outcome] | None]) -> list[Outcome] | None:
        if table in self.errors:
            return None
        try:
            return work()
        except ExploError as error:
            self.errors[table] = error
            log.warning("%s\nthe run goes on, and fails at its end", error)
            return None
