"""The plan, applied: several requests in flight, each token saved as it comes, and a result for each change."""

from __future__ import annotations

import heapq
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.exceptions import ExploApiError, ExploError, ExploRefusedError
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.sync.actual import first_line
from airflow_provider_explo.sync.attempt import Attempt, FailedParents, with_children
from airflow_provider_explo.sync.breaker import CONSECUTIVE_FAILURES, CircuitBreaker, probe
from airflow_provider_explo.sync.in_flight import InFlight, attempts_of
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.result import Result
from airflow_provider_explo.sync.save import TokenSaver
from airflow_provider_explo.sync.shutdown import (
    NO_RESPONSE,
    POLL_INTERVAL,
    ShutdownError,
    ShutdownSignal,
)
from airflow_provider_explo.sync.upsert import send

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient

# How long requests in flight may take to finish once a run ends early; the signal's grace is longer by a save.
REQUEST_GRACE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Applier:
    """Applies changes. A tenant that fails goes to the end of the line with its delay, and holds no thread.

    :param client: sends each request once, from any thread. It waits with ``signal.sleep``.
    :param tokens: where tokens are saved, or None.
    :param signal: ends it early: requests in flight finish and are saved, and no other is sent.
    :param recheck: look at the token table again before sending: another run may have saved some tenants.
    :param retry: what is retried, and after how long.
    """

    def __init__(
        self,
        client: ExploClient,
        tokens: TokenTable | None,
        *,
        if_exists: str,
        max_in_flight: int,
        signal: ShutdownSignal,
        recheck: bool,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._saver = TokenSaver(tokens, signal)
        self._if_exists = if_exists
        self._signal = signal
        self._recheck = recheck
        self._retry = retry or RetryPolicy()
        self._retry_timeout = client.settings.retry_timeout
        self._clock = clock
        self.breaker = CircuitBreaker()
        self._in_flight = InFlight(self._send, size=max_in_flight, rate=client.requests_per_minute / 60)
        self._ready: deque[Change] = deque()
        self._deferred: list[Attempt] = []
        self._refused_deletes: list[Result] = []
        self._deleted = False
        self._parents = FailedParents()
        signal.rescue = lambda: self._save_pending(grace=0.0)

    def apply(self, chunks: Iterable[tuple[int, Sequence[Change]]]) -> Iterator[list[Result]]:
        """Apply changes, chunk by chunk; once. Results come after their tokens are saved.

        :param chunks: each with its depth: changes of one depth wait for all of the depth before.
        :raises ShutdownError: the task is being terminated.
        :raises ExploError: tokens cannot be saved.
        """
        depth = None
        try:
            for chunk_depth, changes in chunks:
                if depth not in (None, chunk_depth):
                    yield from self._finish()
                depth = chunk_depth
                yield from self._settle([change for change in changes if not change.sends])
                self._ready.extend(change for change in changes if change.sends)
                while self._ready:
                    yield from self._submit()
            yield from self._finish()
        except BaseException:
            self._signal.stop()
            self._save_pending(grace=REQUEST_GRACE_SECONDS)
            raise
        finally:
            self._in_flight.shutdown()

    def _settle(self, changes: Sequence[Change]) -> Iterator[list[Result]]:
        """Save, in one transaction, the tokens that take no request."""
        if changes:
            yield self._saver.save([Result(change=change, error=change.error) for change in changes])

    def _submit(self) -> Iterator[list[Result]]:
        """Send the next few changes."""
        batch = [self._ready.popleft() for _ in range(min(len(self._ready), self._in_flight.capacity // 2))]
        for change in self._rechecked(batch):
            if not change.sends:
                yield [Result(change=change)]
                continue
            yield from self._collect(down_to=self._in_flight.capacity - 1)
            if self.breaker.error is not None:
                yield [Result(change=change, error=self.breaker.error, unsent=True)]
            elif (error := self._parents.error_of(change)) is not None:
                yield [Result(change=change, error=error)]
            else:
                self._in_flight.start(Attempt(due=0.0, number=1, change=change))

    def _rechecked(self, batch: Sequence[Change]) -> list[Change]:
        if self._tokens is None or not self._recheck:
            return list(batch)
        stored = self._tokens.known([change.user_group_id for change in batch if change.action != "delete"])
        changes = [change.after_another_run(stored.get(change.user_group_id)) for change in batch]
        if any(not change.sends for change in changes):
            self._share_with_another_run()
        return changes

    def _share_with_another_run(self) -> None:
        """Another run is at work: in another order than its own, the two share the rest."""
        if self._recheck:
            remaining = list(self._ready)
            random.shuffle(remaining)
            self._ready = deque(remaining)

    def _finish(self) -> Iterator[list[Result]]:
        """Wait for what is in flight, and send again what failed, until nothing is left or its time is over."""
        yield from self._collect(down_to=0)
        deadline = self._clock() + self._retry_timeout
        while self._deferred or self._refused_deletes or self._in_flight:
            if not self._deferred and not self._in_flight:
                yield from self._retry_deletes()
                continue
            now = self._clock()
            if self._deferred and (self.breaker.error is not None or now >= deadline):
                attempts, self._deferred = self._deferred, []
                yield self._parents.record([attempt.abandoned(self.breaker.error) for attempt in attempts])
            elif self._deferred and self._deferred[0].due <= now and len(self._in_flight) < self._in_flight.capacity:
                self._in_flight.start(heapq.heappop(self._deferred))
            elif self._in_flight:
                yield from self._collect(down_to=len(self._in_flight) - 1)
            else:
                self._signal.sleep(min(POLL_INTERVAL, max(0.0, self._deferred[0].due - now)))

    def _retry_deletes(self) -> Iterator[list[Result]]:
        """Explo refuses to delete a group that has children: once others are deleted, it may not any more."""
        results, self._refused_deletes = self._refused_deletes, []
        if self.breaker.error is not None:
            yield results
            return
        if not self._deleted:
            yield with_children(results, self._client)
            return
        self._deleted = False
        for result in results:
            self._in_flight.start(Attempt(due=0.0, number=1, change=result.change))
            yield from self._collect(down_to=self._in_flight.capacity)

    def _send(self, attempt: Attempt) -> Attempt | None:
        if self._signal.is_set():
            return None
        change = attempt.change
        if self.breaker.error is not None:
            return replace(attempt, result=Result(change=change, error=self.breaker.error, unsent=True), error=None)
        self._signal.in_flight[change.user_group_id] = NO_RESPONSE
        try:
            sent = send(change, self._client, if_exists=self._if_exists, ambiguous=attempt.ambiguous)
        except ExploError as error:
            if not getattr(error, "ambiguous", False):
                self._signal.settle([change.user_group_id])
            return None if isinstance(error, ShutdownError) else replace(attempt, error=error)
        self._signal.in_flight[change.user_group_id] = sent.kind
        return replace(attempt, result=Result(change=change, sent=sent), error=None)

    def _collect(self, *, down_to: int) -> Iterator[list[Result]]:
        while len(self._in_flight) > down_to:
            done = self._in_flight.done()
            attempts = attempts_of(done)
            results = self._saver.save([attempt.result for attempt in attempts if attempt.result is not None])
            # Not before they are saved: whatever interrupts this thread finds them there.
            self._in_flight.remove(done)
            self._signal.settle(attempt.change.user_group_id for attempt in attempts)
            if any(result.is_another_runs for result in results):
                self._share_with_another_run()
            for result in results:
                self.breaker.record(None if result.unsent else result.error, one_tenant=True)
                self._deleted = self._deleted or (result.change.action == "delete" and result.error is None)
            results += [failed for attempt in attempts if (failed := self._failed(attempt)) is not None]
            self._parents.record(results)
            if results:
                yield results
            self._signal.raise_if_set()
            if self.breaker.wants_probe and self.breaker.error is None:
                log.warning("%d requests in a row failed; asking whether Explo is there", CONSECUTIVE_FAILURES)
                self.breaker.record_probe(probe(self._client, self._retry, self._signal))
            self._in_flight.go_on()

    def _failed(self, attempt: Attempt) -> Result | None:
        """The result of an attempt that failed for good; one that may succeed later is deferred."""
        error = attempt.error
        if error is None:
            return None
        self.breaker.record(error)
        if isinstance(error, ExploRefusedError) and attempt.change.action == "delete":
            self._refused_deletes.append(Result(change=attempt.change, error=error))
            return None
        if isinstance(error, ExploApiError) and self.breaker.error is None:
            delay = self._retry.delay(attempt.number, error, repeatable=True, time_left=self._retry_timeout)
            if delay is not None:
                log.warning("%s; attempt %d failed, deferred", first_line(error), attempt.number)
                ambiguous = attempt.ambiguous or error.ambiguous
                due = self._clock() + delay
                again = replace(attempt, due=due, number=attempt.number + 1, ambiguous=ambiguous)
                heapq.heappush(self._deferred, again)
                return None
        return Result(change=attempt.change, error=error)

    def _save_pending(self, *, grace: float) -> None:
        """Let the requests in flight finish, for some seconds, and save their tokens."""
        done = [future for future in self._in_flight.remaining(timeout=grace) if future.exception() is None]
        results = [attempt.result for attempt in attempts_of(done) if attempt.result is not None]
        # The error that ends the run is raised; a second one of the same cause would hide it.
        with suppress(ExploError):
            if self._saver.save_once(results):
                self._signal.settle(result.change.user_group_id for result in results)
                log.info("Shutting down: responses in flight saved: %d", len(results))
