"""A line in the log every half minute: done, failed, total, rate, time left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

INTERVAL = 30.0

log = logging.getLogger(__name__)


class Progress:
    """Progress of something that takes long.

    :param label: what is counted: ``Tenants done``.
    :param total: how many there are, or None where that is not known.
    :param clock: monotonic seconds.
    """

    def __init__(self, label: str, *, total: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = label
        self._total = total
        self._clock = clock
        self._started = self._logged = clock()
        self._done = self._failed = 0

    def add(self, count: int, *, failed: int = 0) -> None:
        """Count so many more.

        :param failed: as many again, for which it did not succeed.
        """
        self._done += count
        self._failed += failed
        now = self._clock()
        if now - self._logged >= INTERVAL:
            self._logged = now
            log.info("%s: %s", self._label, self._line(self._done / (now - self._started)))

    def _line(self, rate: float) -> str:
        pace = f"{rate * 60:,.0f} per minute"
        if self._total is None:
            return f"{self._done:,} so far, {pace}"
        remaining = self._total - self._done - self._failed
        left = f"about {duration(remaining / rate)} left" if rate else "time left not known yet"
        failed = f", {self._failed:,} failed" if self._failed else ""
        return f"{self._done:,} of {self._total:,}{failed}, {pace}, {left}"


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``7 min``, ``1 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
