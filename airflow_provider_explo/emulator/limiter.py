"""The rate limit: so many requests a minute for each caller, over all endpoints."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

DOCUMENTED_REQUESTS_PER_MINUTE = 180


class Limiter:
    """A sliding window for each caller. ``limit=None`` admits everything. Refused calls do not fill the window."""

    def __init__(self, limit: int | None, *, window: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f"requests_per_minute must be a whole number above 0, or None, not {limit!r}")
        self.limit = limit
        self._window = window
        self._clock = clock
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, caller: str) -> bool:
        """Whether this call is within the limit; if so, it counts."""
        if self.limit is None:
            return True
        now = self._clock()
        admitted = self._admitted[caller]
        while admitted and admitted[0] <= now - self._window:
            admitted.popleft()
        if len(admitted) >= self.limit:
            return False
        admitted.append(now)
        return True

    def clear(self) -> None:
        """Begin a new window for everyone."""
        self._admitted.clear()
