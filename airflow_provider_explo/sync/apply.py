"""The plan, applied: several requests in flight, each token saved as it comes, and a result for each change."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploConfigError,
    ExploError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
    preview,
)
from airflow_provider_explo.sql.token_table import TokenRow, TokenTable
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.shutdown import DaemonThreadPool, ShutdownError, ShutdownSignal
from airflow_provider_explo.sync.upsert import Upserted, upsert
from airflow_provider_explo.tenants.outcome import Outcome

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient

POLL_INTERVAL = 0.2
# Airflow 3 kills a task that is still there 5 seconds after SIGTERM.
SHUTDOWN_GRACE_SECONDS = 4.0
SAVE_BACKOFF = (1.0, 2.0, 4.0, 8.0)
CONSECUTIVE_FAILURES = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One change after the run: applied, failed, or one that sends nothing. Its token, if any, is saved.

    :param upserted: the tenant's group, where requests were sent and succeeded.
    :param error: why it failed or was rejected.
    :param unsent: the run gave up before it, because of the error.
    """

    change: Change
    upserted: Upserted | None = None
    error: ExploError | None = None
    unsent: bool = False

    @property
    def token_row(self) -> TokenRow | None:
        """What is to be saved."""
        if self.upserted is None:
            return None
        return TokenRow(
            user_group_id=self.change.user_group_id,
            name=self.change.name or "",
            token=self.upserted.group.token,
            content_hash=self.change.stored_hash(in_sync=self.upserted.in_sync),
        )

    @property
    def outcome(self) -> Outcome:
        """The row's outcome."""
        change, upserted = self.change, self.upserted
        if not change.sends:
            return change.outcome()
        if self.error is not None:
            # The outcome names the tenant itself.
            reason = str(self.error).removeprefix(f"tenant {preview(change.user_group_id)}: ")
            reason = f"not sent: the run gave up after this error: {self.error}" if self.unsent else reason
            can_retry = isinstance(self.error, (ExploRateLimitError, ExploUnavailableError))
            return change.outcome("failed", reason, can_retry=can_retry)
        assert upserted is not None
        reasons = []
        if upserted.kind == "existing" and upserted.group.new_user_group is None:
            reasons.append("an earlier attempt timed out; cannot tell whether the user group was new")
        if upserted.remaining_drift:
            reasons.append(f"the user group in Explo differs from the row in: {', '.join(upserted.remaining_drift)}")
        return change.outcome(upserted.kind, "\n".join(reasons), drift=bool(upserted.remaining_drift))


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

    :param client: safe to share between threads. It waits with ``signal.sleep``.
    :param tokens: where tokens are saved, or None.
    :param signal: ends it early: requests in flight finish and are saved, and no other is sent.
    :param recheck: look at the token table once more before sending: another run may have saved some tenants.
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
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._if_exists = if_exists
        self._signal = signal
        self._recheck = recheck
        self.breaker = CircuitBreaker()
        self._pool: DaemonThreadPool[Result | None] = DaemonThreadPool(max_in_flight)
        # More than are in flight, so that no thread waits for this one.
        self._max_pending = 2 * max_in_flight
        self._pending: set[Future[Result | None]] = set()

    def apply(self, chunks: Iterable[Sequence[Change]]) -> Iterator[list[Result]]:
        """Apply changes, chunk by chunk; once. Results come after their tokens are saved.

        :raises ShutdownError: the task is being terminated.
        :raises ExploError: tokens cannot be saved.
        """
        try:
            for changes in chunks:
                yield from self._submit(self._rechecked(changes))
            yield from self._collect(down_to=0)
        except BaseException:
            self._save_pending()
            raise
        finally:
            self._pool.shutdown()

    def _rechecked(self, changes: Sequence[Change]) -> list[Change]:
        if self._tokens is None or not self._recheck:
            return list(changes)
        hashes = self._tokens.hashes([change.user_group_id for change in changes if change.sends])
        return [change.reconsidered(hashes, if_exists=self._if_exists) for change in changes]

    def _submit(self, changes: Sequence[Change]) -> Iterator[list[Result]]:
        for change in changes:
            if not change.sends:
                yield [Result(change=change, error=change.error)]
            elif self.breaker.error is not None:
                yield [Result(change=change, error=self.breaker.error, unsent=True)]
            else:
                self._pending.add(self._pool.submit(self._send, change))
                yield from self._collect(down_to=self._max_pending)
            self._signal.raise_if_set()

    def _send(self, change: Change) -> Result | None:
        if self._signal.is_set():
            return None
        if self.breaker.error is not None:
            return Result(change=change, error=self.breaker.error, unsent=True)
        try:
            return Result(change=change, upserted=upsert(change, self._client, if_exists=self._if_exists))
        except ShutdownError:
            return None
        except ExploError as error:
            return Result(change=change, error=error)

    def _collect(self, *, down_to: int) -> Iterator[list[Result]]:
        while len(self._pending) > down_to:
            done, _ = wait(self._pending, timeout=POLL_INTERVAL, return_when=FIRST_COMPLETED)
            results = self._saved([result for future in done if (result := future.result()) is not None])
            # Not before they are saved: whatever interrupts this thread finds them there.
            self._pending -= done
            if results:
                yield results
            self._signal.raise_if_set()

    def _saved(self, results: Sequence[Result]) -> list[Result]:
        refused = self._save([row for result in results if (row := result.token_row) is not None])
        saved = []
        for result in results:
            refusal = refused.get(result.change.user_group_id)
            self.breaker.record(refusal or result.error, one_tenant=refusal is not None)
            saved.append(replace(result, error=refusal) if refusal else result)
        return saved

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
        if self._tokens is None:
            return
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
        results = [future.result() for future in done if future.exception() is None]
        rows = [row for result in results if result is not None and (row := result.token_row) is not None]
        # The error that ends the run is raised; a second one of the same cause would hide it.
        with suppress(ExploError):
            if self._tokens is not None:
                self._tokens.save_all(rows)
            log.info("Shutting down: %d tokens in flight saved; %d requests without a response", len(rows), len(late))
