"""Ending a run early: asked from a signal handler, heard by every thread."""

from __future__ import annotations

import threading

from airflow_provider_explo.exceptions import ExploError


class StoppedError(ExploError):
    """The task was told to stop. What was saved stays saved."""


class Stop:
    """Tells every thread to stop, those that wait for their turn included."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def now(self) -> None:
        """Stop."""
        self._event.set()

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Go on, unless told to stop.

        :raises StoppedError: told so.
        """
        if self.asked:
            raise StoppedError(
                "the task was told to stop; what was saved stays saved, and a later run goes on from there"
            )

    def sleep(self, seconds: float) -> None:
        """Sleep, unless told to stop.

        :raises StoppedError: told so.
        """
        self._event.wait(seconds)
        self.check()
