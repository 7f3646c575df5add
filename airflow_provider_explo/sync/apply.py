"""The plan, applied: several requests in flight, each token saved as it comes, and a result for each change."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploConfigError,
    ExploError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
)
from airflow_provider_explo.sql.token_table import TokenRow
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.shutdown import DaemonThreadPool, ShutdownError, ShutdownSignal
from airflow_provider_explo.sync.upsert import Explo, Upserted, upsert
from airflow_provider_explo.tenants.content_hash import UNSETTLED
from airflow_provider_explo.tenants.outcome import Outcome

POLL_INTERVAL = 0.2
# Airflow 3 kills a task that is still there 5 seconds after SIGTERM.
SHUTDOWN_GRACE_SECONDS = 4.0
SAVE_BACKOFF = (1.0, 2.0, 4.0, 8.0)
CONSECUTIVE_FAILURES = 5

log = logging.getLogger(__name__)


class TokenStore(Protocol):
    """Where tokens are saved: a ``TokenTable``, or nowhere."""

    def prepare(self) -> None: ...

    def hashes(self, user_group_ids: Collection[str]) -> Mapping[str, str]: ...

    def save_all(self, rows: Sequence[TokenRow]) -> None: ...


class NoTokenTable:
    """For a task that returns its token instead of saving it."""

    def prepare(self) -> None:
        """Nothing to prepare."""

    def hashes(self, user_group_ids: Collection[str]) -> Mapping[str, str]:
        """No tenant is known."""
        return {}

    def save_all(self, rows: Sequence[TokenRow]) -> None:
        """Nothing is saved."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One change, applied or not; its token, if any, is saved.

    :param upserted: the tenant's group, where requests were sent and succeeded.
    :param error: why it failed.
    """

    change: Change
    outcome: Outcome
    upserted: Upserted | None = None
    error: ExploError | None = None

    @classmethod
    def of(cls, change: Change) -> Result:
        """The result of a change that sends nothing."""
        return cls(change=change, outcome=change.outcome(), error=change.error)


@dataclass(frozen=True, kw_only=True)
class _Response:
    change: Change
    upserted: Upserted | None = None
    error: ExploError | None = field(default=None)

    def token_rows(self) -> list[TokenRow]:
        if self.upserted is None:
            return []
        tenant, group = self.change.tenant, self.upserted.group
        assert tenant is not None
        digest = f"{self.change.digest}{'' if self.upserted.in_sync else UNSETTLED}"
        return [TokenRow(user_group_id=group.provided_id, name=tenant.name, token=group.token, content_hash=digest)]


class CircuitBreaker:
    """Opens where further requests are pointless: :attr:`error` is then why.

    A tenant that Explo refuses says nothing of the others. But five requests in a row that met a wrong API token, a
    gateway in front of Explo, or an Explo that is away, each after its own retries, mean that the sixth will too.
    """

    def __init__(self) -> None:
        self.error: ExploError | None = None
        self._failures = 0

    def record(self, error: ExploError | None, *, one_tenant: bool = False) -> None:
        """Take the error of a request, or None where it succeeded.

        :param one_tenant: whatever its class, the error may concern this tenant only.
        """
        if error is None or isinstance(error, ExploRefusedError):
            self._failures = 0
            return
        self._failures += 1
        # An error that is not a response of Explo's is a wrong setting. A rate limit without a status was met by an
        # earlier request, and demands a longer pause than any request may take.
        for_all = not isinstance(error, ExploApiError) or (
            isinstance(error, ExploRateLimitError) and error.status is None
        )
        if (for_all and not one_tenant) or self._failures >= CONSECUTIVE_FAILURES:
            self.error = self.error or error


class Applier:
    """Applies changes.

    :param explo: sends the requests; safe to share between threads. It waits with ``signal.sleep``.
    :param signal: ends it early: requests in flight finish and are saved, and no other is sent.
    :param recheck: look at the token table once more before sending: another run may have saved some tenants.
    """

    def __init__(
        self,
        explo: Explo,
        tokens: TokenStore,
        *,
        if_exists: str,
        max_in_flight: int,
        signal: ShutdownSignal,
        recheck: bool,
    ) -> None:
        self._explo = explo
        self._tokens = tokens
        self._if_exists = if_exists
        self._signal = signal
        self._recheck = recheck
        self.breaker = CircuitBreaker()
        self._pool: DaemonThreadPool[_Response | None] = DaemonThreadPool(max_in_flight)
        # More than are in flight, so that no thread waits for this one.
        self._max_pending = 2 * max_in_flight
        self._pending: set[Future[_Response | None]] = set()

    def apply(self, chunks: Iterable[Sequence[Change]]) -> Iterator[list[Result]]:
        """Apply changes, chunk by chunk; once. Results come after their tokens are saved.

        :raises ShutdownError: the task is being terminated.
        :raises ExploError: tokens cannot be saved.
        """
        try:
            for changes in chunks:
                yield from self._submit(changes)
            yield from self._collect(down_to=0)
        except BaseException:
            self._save_pending()
            raise
        finally:
            self._pool.shutdown()

    def _submit(self, changes: Sequence[Change]) -> Iterator[list[Result]]:
        if self._recheck:
            changes = self._rechecked(changes)
        for change in changes:
            if not change.sends:
                yield [Result.of(change)]
            elif self.breaker.error is not None:
                yield [_failed(change, self.breaker.error, unsent=True)]
            else:
                self._pending.add(self._pool.submit(self._send, change))
                yield from self._collect(down_to=self._max_pending)
            self._signal.raise_if_set()

    def _rechecked(self, changes: Sequence[Change]) -> list[Change]:
        # Rows without an id have nothing to send, and may hold what the database cannot be asked for.
        hashes = self._tokens.hashes([change.user_group_id for change in changes if change.sends])
        return [
            change.reconsidered(hashes.get(change.user_group_id), if_exists=self._if_exists) if change.sends else change
            for change in changes
        ]

    def _send(self, change: Change) -> _Response | None:
        if self._signal.is_set():
            return None
        if self.breaker.error is not None:
            return _Response(change=change, error=self.breaker.error)
        try:
            return _Response(change=change, upserted=upsert(change, self._explo, if_exists=self._if_exists))
        except ShutdownError:
            return None
        except ExploError as error:
            return _Response(change=change, error=error)

    def _collect(self, *, down_to: int) -> Iterator[list[Result]]:
        while len(self._pending) > down_to:
            done, _ = wait(self._pending, timeout=POLL_INTERVAL, return_when=FIRST_COMPLETED)
            results = self._saved([response for future in done if (response := future.result()) is not None])
            # Not before they are saved: whatever interrupts this thread finds them there.
            self._pending -= done
            if results:
                yield results
            self._signal.raise_if_set()

    def _saved(self, responses: Sequence[_Response]) -> list[Result]:
        refused = self._save([row for response in responses for row in response.token_rows()])
        results = []
        for response in responses:
            refusal = refused.get(response.change.user_group_id)
            self.breaker.record(refusal or response.error, one_tenant=refusal is not None)
            error = refusal or response.error
            results.append(_failed(response.change, error) if error else _succeeded(response))
        return results

    def _save(self, rows: Sequence[TokenRow]) -> dict[str, ExploError]:
        """Save tokens; return, by tenant, why the database refuses one."""
        try:
            self._save_with_retries(rows)
        except ExploConfigError as error:
            if len(rows) == 1:
                return {rows[0].user_group_id: error}
            # One at a time shows which it is, and saves the others.
            return {name: refusal for row in rows for name, refusal in self._save([row]).items()}
        return {}

    def _save_with_retries(self, rows: Sequence[TokenRow]) -> None:
        for seconds in SAVE_BACKOFF:
            try:
                self._tokens.save_all(rows)
                return
            except ExploConfigError:
                raise
            except ExploError as error:
                log.warning("%s\nretrying in %.0f s", error, seconds)
            self._signal.sleep(seconds)
        self._tokens.save_all(rows)

    def _save_pending(self) -> None:
        """Let the requests in flight finish, for some seconds, and save their tokens."""
        self._signal.set()
        done, late = wait(self._pending, timeout=SHUTDOWN_GRACE_SECONDS)
        responses = [future.result() for future in done if future.exception() is None]
        rows = [row for response in responses if response is not None for row in response.token_rows()]
        # The error that ends the run is raised; a second one of the same cause would hide it.
        with suppress(ExploError):
            self._tokens.save_all(rows)
            log.info("Shutting down: %d tokens in flight saved; %d requests without a response", len(rows), len(late))


def _succeeded(response: _Response) -> Result:
    change, upserted = response.change, response.upserted
    assert upserted is not None
    reasons = []
    if upserted.kind == "existing" and upserted.group.new_user_group is None:
        reasons.append("an earlier attempt timed out; cannot tell whether the user group was new")
    if upserted.remaining_drift:
        reasons.append(f"the user group in Explo differs from the row in: {', '.join(upserted.remaining_drift)}")
    outcome = change.outcome(upserted.kind, "\n".join(reasons), drift=bool(upserted.remaining_drift))
    return Result(change=change, outcome=outcome, upserted=upserted)


def _failed(change: Change, error: ExploError, *, unsent: bool = False) -> Result:
    reason = f"not sent: the run gave up after this error: {error}" if unsent else str(error)
    can_retry = isinstance(error, (ExploRateLimitError, ExploUnavailableError))
    return Result(change=change, outcome=change.outcome("failed", reason, can_retry=can_retry), error=error)
