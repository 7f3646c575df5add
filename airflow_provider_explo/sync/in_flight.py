"""The attempts that are in flight: made in threads, and collected a few at a time.

After a failure none is begun until that was dealt with: it may end the run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait

from airflow_provider_explo.sync.attempt import Attempt
from airflow_provider_explo.sync.shutdown import POLL_INTERVAL, DaemonThreadPool

# One transaction costs as much as several requests to a fast Explo: what is done waits so many seconds for more.
SAVE_INTERVAL = 0.05
MAX_SAVED_AT_ONCE = 32


class FailedAttemptError(Exception):
    """An attempt failed. It is raised so that nothing waits for others meanwhile."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(f"attempt {attempt.number} failed")
        self.attempt = attempt


class InFlight:
    """Attempts in flight, and some that wait for a thread.

    :param make: makes an attempt, in any thread; None for one that was not begun.
    :param size: attempts at once.
    :param rate: requests per second at most.
    """

    def __init__(self, make: Callable[[Attempt], Attempt | None], *, size: int, rate: float) -> None:
        self._make = make
        self._pool: DaemonThreadPool[Attempt | None] = DaemonThreadPool(size)
        # In the order in which they were started.
        self._pending: dict[Future[Attempt | None], None] = {}
        self._no_failure = threading.Event()
        self._no_failure.set()
        self._ending = False
        # No thread waits for the one that saves; without a limit as many are pending as can be saved together.
        self.capacity = 2 * max(size, min(MAX_SAVED_AT_ONCE, int(rate * SAVE_INTERVAL)))

    def __len__(self) -> int:
        return len(self._pending)

    def start(self, attempt: Attempt) -> None:
        """Make an attempt, as soon as a thread is free."""
        self._pending[self._pool.submit(self._made, attempt)] = None

    def done(self, *, timeout: float = POLL_INTERVAL) -> list[Future[Attempt | None]]:
        """Wait for the first that is done, and for a moment for others; none after ``timeout`` seconds.

        :returns: them, in the order in which they were started.
        """
        done, rest = wait(self._pending, timeout=timeout, return_when=FIRST_COMPLETED)
        if done and rest:
            done, _ = wait(self._pending, timeout=SAVE_INTERVAL, return_when=FIRST_EXCEPTION)
        return [future for future in self._pending if future in done]

    def remaining(self, *, timeout: float) -> list[Future[Attempt | None]]:
        """Wait for all of them, whatever fails, and return those that are done by then."""
        self._end()
        done = wait(self._pending, timeout=timeout).done
        return [future for future in self._pending if future in done]

    def remove(self, done: Collection[Future[Attempt | None]]) -> None:
        """What came of these attempts is saved."""
        for future in done:
            del self._pending[future]

    def go_on(self) -> None:
        """Failures so far are dealt with."""
        self._no_failure.set()

    def shutdown(self) -> None:
        """Start no more."""
        self._end()
        self._pool.shutdown()

    def _end(self) -> None:
        self._ending = True
        self._no_failure.set()

    def _made(self, attempt: Attempt) -> Attempt | None:
        self._no_failure.wait()
        made = self._make(attempt)
        if made is not None and made.error is not None:
            self._no_failure.clear()
            if self._ending:
                self._no_failure.set()
            raise FailedAttemptError(made)
        return made


def attempts_of(done: Collection[Future[Attempt | None]]) -> list[Attempt]:
    """The attempts that were made.

    :raises BaseException: what one raised that is no failure of its request.
    """
    attempts = []
    for future in done:
        error = future.exception()
        if isinstance(error, FailedAttemptError):
            attempts.append(error.attempt)
        elif (attempt := future.result()) is not None:
            attempts.append(attempt)
    return attempts
