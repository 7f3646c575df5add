"""A worklist, carried out: several calls in flight, each token saved as it comes, and an outcome for each entry."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass

from airflow_provider_explo.exceptions import ExploConfigError, ExploError
from airflow_provider_explo.sql.token_table import TokenRow, TokenTable
from airflow_provider_explo.sync.breaker import Breaker, can_retry
from airflow_provider_explo.sync.crew import Crew
from airflow_provider_explo.sync.plan import Step, step
from airflow_provider_explo.sync.report import Report
from airflow_provider_explo.sync.spool import Entry
from airflow_provider_explo.sync.stop import Stop, StoppedError
from airflow_provider_explo.sync.upsert import Explo, Onboarded, get_or_create, update
from airflow_provider_explo.tenants.outcome import OUTCOME_OF, Outcome

TICK = 0.2
# Airflow 3 kills a task that is still there 5 seconds after SIGTERM.
PATIENCE = 4.0
SAVING_WAITS = (1.0, 2.0, 4.0, 8.0)


log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Result:
    entry: Entry
    onboarded: Onboarded | None = None
    error: ExploError | None = None

    @property
    def row(self) -> TokenRow | None:
        """What is to be saved."""
        if self.onboarded is None:
            return None
        return TokenRow.of(self.entry.tenant, self.onboarded.group.token, settled=self.onboarded.settled)


class Applier:
    """Carries entries out.

    :param explo: what to call; safe to share between threads. It waits with ``stop.sleep``.
    :param stop: ends it early: calls in flight end and are saved, and no other is begun.
    :param report: hears the outcomes of entries, after their tokens are saved.
    """

    def __init__(
        self,
        explo: Explo,
        tokens: TokenTable,
        *,
        if_exists: str,
        max_in_flight: int,
        stop: Stop,
        report: Report,
    ) -> None:
        self._explo = explo
        self._tokens = tokens
        self._if_exists = if_exists
        self._stop = stop
        self._report = report
        self._breaker = Breaker()
        self._crew: Crew[_Result | None] = Crew(max_in_flight)
        # More than are in flight, so that none of them waits for this thread.
        self._most_pending = 2 * max_in_flight
        self._pending: set[Future[_Result | None]] = set()

    def apply(self, chunks: Iterable[Sequence[Entry]]) -> ExploError | None:
        """Carry out entries, chunk by chunk; once.

        :returns: why calling was given up before the end, or None.
        :raises StoppedError: told to stop.
        :raises ExploError: tokens cannot be saved.
        """
        try:
            for entries in chunks:
                self._submit(entries)
            self._collect(down_to=0)
        except BaseException:
            self._end()
            raise
        finally:
            self._crew.dismiss()
        return self._breaker.error

    def _submit(self, entries: Sequence[Entry]) -> None:
        # A twin of this task may have sent some of them since they were planned.
        known = self._tokens.hashes([entry.tenant.user_group_id for entry in entries])
        for entry in entries:
            planned = step(entry.tenant, stored=known.get(entry.tenant.user_group_id), if_exists=self._if_exists)
            if self._breaker.error is not None and planned.calls:
                self._tell([_failed(entry, self._breaker.error, unsent=True)])
            elif planned.calls:
                self._pending.add(self._crew.submit(self._call, entry, planned))
                self._collect(down_to=self._most_pending)
            else:
                self._tell([entry.outcome(OUTCOME_OF[planned.action], planned.reason)])
            self._stop.check()

    def _call(self, entry: Entry, planned: Step) -> _Result | None:
        if self._stop.asked:
            return None
        if self._breaker.error is not None:
            return _Result(entry=entry, error=self._breaker.error)
        try:
            if planned.action == "update":
                return _Result(entry=entry, onboarded=update(entry.tenant, self._explo))
            return _Result(entry=entry, onboarded=get_or_create(entry.tenant, self._explo, if_exists=self._if_exists))
        except StoppedError:
            return None
        except ExploError as error:
            return _Result(entry=entry, error=error)

    def _collect(self, *, down_to: int) -> None:
        while len(self._pending) > down_to:
            done, _ = wait(self._pending, timeout=TICK, return_when=FIRST_COMPLETED)
            results = [result for result in (future.result() for future in done) if result is not None]
            outcomes = self._saved(results)
            # Not before they are saved: what interrupts this thread finds them there.
            self._pending -= done
            self._tell(outcomes)
            self._stop.check()

    def _saved(self, results: Sequence[_Result]) -> list[Outcome]:
        unsaved = self._save([result.row for result in results if result.row is not None])
        outcomes = []
        for result in results:
            refusal = unsaved.get(result.entry.tenant.user_group_id)
            self._breaker.hear(refusal or result.error, of_one=refusal is not None)
            error = refusal or result.error
            outcomes.append(_failed(result.entry, error) if error else _succeeded(result))
        return outcomes

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        self._report.hear(outcomes)
        self._report.keep(outcomes)

    def _save(self, rows: Sequence[TokenRow]) -> dict[str, ExploError]:
        """Save tokens, and say of which tenants the database refuses them."""
        try:
            self._save_patiently(rows)
        except ExploConfigError as error:
            if len(rows) == 1:
                return {rows[0].user_group_id: error}
            # Each on its own shows which it was, and saves the others.
            return {name: refusal for row in rows for name, refusal in self._save([row]).items()}
        return {}

    def _save_patiently(self, rows: Sequence[TokenRow]) -> None:
        for seconds in SAVING_WAITS:
            try:
                self._tokens.save_all(rows)
                return
            except ExploConfigError:
                raise
            except ExploError as error:
                log.warning("%s; trying again in %.0f s", error, seconds)
            self._stop.sleep(seconds)
        self._tokens.save_all(rows)

    def _end(self) -> None:
        """Let the calls in flight end, for some seconds, and save what they brought."""
        self._stop.now()
        done, late = wait(self._pending, timeout=PATIENCE)
        results = [future.result() for future in done if future.exception() is None]
        rows = [result.row for result in results if result is not None and result.row is not None]
        # Whatever ended the run is told; a second error of the same cause would hide it.
        with suppress(ExploError):
            self._tokens.save_all(rows)
            log.info(
                "Stopping: %d tokens of calls in flight are saved; %d calls had no answer yet", len(rows), len(late)
            )


def _succeeded(result: _Result) -> Outcome:
    onboarded = result.onboarded
    assert onboarded is not None
    reasons = []
    if onboarded.kind == "existing" and onboarded.group.new_user_group is None:
        reasons.append("an earlier attempt got no answer, and may have made it")
    if onboarded.left:
        reasons.append(f"the user group in Explo differs from the row in: {', '.join(onboarded.left)}")
    return result.entry.outcome(onboarded.kind, "; ".join(reasons), drift=bool(onboarded.left))


def _failed(entry: Entry, error: ExploError, *, unsent: bool = False) -> Outcome:
    reason = f"not sent, because calling was given up after: {error}" if unsent else str(error)
    return entry.outcome("failed", reason, can_retry=can_retry(error))
