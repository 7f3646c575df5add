"""What a run tells while it goes on: each problem in the log and in the rejects table, and counts in the end."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from airflow_provider_explo.sql.rejects_table import RejectsTable
from airflow_provider_explo.sync.progress import Progress
from airflow_provider_explo.tenants.outcome import FIRST_PROBLEMS, Outcome, Summary

log = logging.getLogger(__name__)


class Report:
    """Hears the outcome of every row.

    :param rejects: keeps the rows that need somebody, or None.
    """

    def __init__(self, *, rejects: RejectsTable | None = None) -> None:
        self.summary = Summary()
        self._rejects = rejects
        self._drifted = 0
        self._progress: Progress | None = None

    def expect(self, total: int) -> None:
        """Show progress from now on, towards so many outcomes."""
        self._progress = Progress("Tenants sent to Explo", total=total)

    def hear(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes, and log those that need somebody."""
        for outcome in outcomes:
            self.summary.add(outcome)
            if outcome.is_problem:
                log.warning("%s", outcome)
            elif outcome.drift:
                self._tell_drift(outcome)
        if self._progress is not None:
            self._progress.add(len(outcomes))

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Put those that need somebody into the rejects table.

        :raises ExploError: it cannot be written.
        """
        if self._rejects is not None:
            self._rejects.add([outcome for outcome in outcomes if outcome.is_problem])

    def end(self) -> None:
        """Tell the counts."""
        if self._drifted > FIRST_PROBLEMS:
            log.warning("%d more existing user groups differ from their rows", self._drifted - FIRST_PROBLEMS)
        if self._drifted:
            log.warning("if_exists='update' sends what differs")
        log.info("%d rows: %s", self.summary.rows, self.summary)

    def _tell_drift(self, outcome: Outcome) -> None:
        self._drifted += 1
        if self._drifted <= FIRST_PROBLEMS:
            log.warning("%s", outcome)
