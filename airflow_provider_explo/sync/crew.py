"""Threads that make calls, and keep nobody waiting when the task must end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Crew(Generic[T]):
    """A thread pool of daemons: Python's own waits for its threads when the process ends, even for one that hangs.

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
        """Have a job done, after those that wait."""
        future: Future[T] = Future()
        self._jobs.put((future, lambda: job(*arguments)))
        return future

    def dismiss(self) -> None:
        """No more jobs: each thread ends with the one that it has."""
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
