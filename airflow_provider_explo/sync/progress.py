"""A line in the log every half minute: done, total, rate, time left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
INTERVAL = 30.0


class Progress:
    """Progress of something that takes long.

    :param what: what is counted: ``tenants sent``.
    :param total: how many there are, or None where that is not known.
    :param clock: monotonic seconds.
    """

    def __init__(self, what: str, *, total: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._total = total
        self._clock = clock
        self._begun = self._told = clock()
        self._done = 0

    def add(self, count: int) -> None:
        """Note that so many more are done; the log hears of it now and then."""
        self._done += count
        now = self._clock()
        if now - self._told >= INTERVAL:
            self._told = now
            log.info("%s", self.line(now))

    def line(self, now: float) -> str:
        """What the log is told."""
        rate = self._done / max(now - self._begun, 1e-9)
        if self._total is None:
            return f"{self._what}: {self._done:,} so far, {rate * 60:,.0f} a minute"
        left = (self._total - self._done) / rate if rate else float("inf")
        words = f"about {duration(left)} left" if self._done else "time left not known yet"
        return f"{self._what}: {self._done:,} of {self._total:,}, {rate * 60:,.0f} a minute, {words}"


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``7 min``, ``1 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
