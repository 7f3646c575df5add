"""Ending a run early, whatever a database or Explo does: a signal that every thread sees, and threads that may hang."""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

from airflow_provider_explo.exceptions import ExploError, preview

T = TypeVar("T")
POLL_INTERVAL = 0.2
# Airflow 3 kills a task that is still there 5 seconds after SIGTERM; and its supervisor, when it does not, notices the
# end of the task's process up to 5 seconds late.
GRACE_SECONDS = 2.5
RESCUE_SECONDS = 0.7
NO_RESPONSE = "no response"

log = logging.getLogger(__name__)


class ShutdownError(ExploError):
    """The task was terminated. Rows already saved are kept."""


class ShutdownSignal:
    """Ends a run: set from a signal handler, it wakes every thread that waits for its turn.

    Where a database hangs, it does so in C, where no signal handler of Python runs and no exception arrives. So the
    whole run is in a thread of its own, see :meth:`run`.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._terminated = False
        # By tenant, what came of its request, until its token is saved.
        self.in_flight: dict[str, str] = {}
        # Saves what it can of these, where the thread of the run hangs in something else.
        self.rescue: Callable[[], object] = lambda: None

    def run(self, work: Callable[[], T]) -> T:
        """Do the work of a task in a thread, so that this one can be interrupted at any time.

        Once the task is terminated the work has some seconds to save what is in flight. A thread that hangs is left
        behind, and keeps no process alive; what it could not save is logged.

        :raises ShutdownError: the task was terminated.
        """
        # Airflow keeps its logger's fields, and its guard of execute, in context variables.
        variables = contextvars.copy_context()
        future = _in_thread(lambda: variables.run(work))
        try:
            while not self._terminated and not wait([future], timeout=POLL_INTERVAL).done:
                pass
            if self._terminated:
                self._wind_down(future)
                if not future.done() or future.exception() is None:
                    self.raise_if_set()
            return future.result()
        except BaseException as error:
            if not future.done() and not isinstance(error, ShutdownError):
                # The task's timeout, or Airflow 2's SIGTERM.
                self.set()
                self._wind_down(future)
            raise
        finally:
            self._log_in_flight()

    def set(self) -> None:
        """Shut down: the task is being terminated."""
        if not self._terminated:
            self._terminated = True
            self._event.set()

    def stop(self) -> None:
        """Send nothing more: the run ends with an error of its own."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether to send nothing more."""
        return self._event.is_set()

    def raise_if_set(self) -> None:
        """Continue, unless the task is being terminated.

        :raises ShutdownError: it is.
        """
        if self.is_set():
            raise ShutdownError("task was terminated; rows already saved are kept; the next run resumes from there")

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the task is being terminated.

        :raises ShutdownError: it is.
        """
        self._event.wait(seconds)
        self.raise_if_set()

    def settle(self, user_group_ids: Iterable[str]) -> None:
        """Requests are no longer in flight: their tokens are saved, or there is nothing to save."""
        for user_group_id in user_group_ids:
            self.in_flight.pop(user_group_id, None)

    def _wind_down(self, future: Future[Any]) -> None:
        if not wait([future], timeout=GRACE_SECONDS).done:
            wait([_in_thread(self.rescue)], timeout=RESCUE_SECONDS)

    def _log_in_flight(self) -> None:
        if in_flight := dict(self.in_flight):
            lost = sum(outcome == NO_RESPONSE for outcome in in_flight.values())
            log.warning(
                "Ended with requests without a response: %d; responses that are not saved: %d\n%s\n"
                "  fix: retry the task, which asks Explo for them",
                lost,
                len(in_flight) - lost,
                "\n".join(f"  tenant {preview(name)}: {outcome}" for name, outcome in in_flight.items()),
            )


def _in_thread(work: Callable[[], T]) -> Future[T]:
    pool: DaemonThreadPool[T] = DaemonThreadPool(1)
    future = pool.submit(work)
    pool.shutdown()
    return future


class DaemonThreadPool(Generic[T]):
    """A thread pool of daemons: Python's own waits for its threads at exit, even for one that hangs.

    :param size: jobs at once.
    """

    def __init__(self, size: int) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[T], Callable[[], T]] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"explo-{number}", daemon=True) for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[..., T], *arguments: Any) -> Future[T]:
        """Queue a job."""
        future: Future[T] = Future()
        self._jobs.put((future, lambda: job(*arguments)))
        return future

    def shutdown(self) -> None:
        """Take no more jobs; each thread ends with the one that it has."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (task := self._jobs.get()) is not None:
            future, job = task
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)
            del task, future, job
