"""Ending a run early: a signal that every thread sees, and threads that keep no process alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from airflow_provider_explo.exceptions import ExploError

T = TypeVar("T")


class ShutdownError(ExploError):
    """The task was terminated. Rows already saved are kept."""


class ShutdownSignal:
    """Set from a signal handler; wakes every thread that waits for its turn."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Shut down."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether to shut down."""
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
