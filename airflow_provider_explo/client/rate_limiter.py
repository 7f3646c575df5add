"""The request budget: requests go out evenly, and a 429 slows all of them down.

Explo counts 180 requests a minute per IP over all endpoints. Evenly spaced requests at 98 % of that meet no 429 on a
fixed window, a sliding window or a token bucket alike; a burst does, sooner or later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

HEADROOM = 0.98
SLOWDOWN = 0.5
MIN_RATE_FRACTION = 0.05
RECOVERY_STEPS = 50
LATE_TOLERANCE = 0.2


class RateLimiter:
    """Spaces requests evenly; thread-safe.

    :param requests_per_minute: the whole budget; :data:`HEADROOM` of it is used.
    :param clock: monotonic seconds.
    :param sleep: waits so many seconds.
    """

    def __init__(
        self,
        requests_per_minute: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._full_rate = requests_per_minute * HEADROOM / 60
        self._rate = self._full_rate
        self._next = float("-inf")
        self._paused_until = float("-inf")
        self._slowed_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Requests per second at present."""
        return self._rate

    @property
    def paused_for(self) -> float:
        """Seconds for which, after a 429, no request goes out; 0 without such a pause."""
        return max(0.0, self._paused_until - self.clock())

    def wait(
        self, *, not_before: float = float("-inf"), until: float = float("inf"), max_pause: float = float("inf")
    ) -> float | None:
        """Return when the next request may be sent, and no earlier than ``not_before``.

        :param until: when a pause after a 429 is too long to wait for its end. Waiting for one's turn is no pause.
        :param max_pause: seconds; a pause of which more than that is left is too long.
        :returns: the time of sending, on the clock, for :meth:`slow_down`. None, at once: the pause is too long.
        """
        while True:
            with self._lock:
                now = self.clock()
                if max(self._paused_until, not_before) >= until or self._paused_until - now >= max_pause:
                    return None
                due = max(self._next, not_before)
                if due <= now:
                    interval = 1 / self._rate
                    # A sleep that overran by a little must not cost a part of the budget each time.
                    start = due if now - due < interval * LATE_TOLERANCE else now
                    self._next = start + interval
                    return now
            self._sleep(due - now)

    def slow_down(self, pause: float, *, sent_at: float) -> None:
        """After a 429: send nothing for ``pause`` seconds, and then at half the rate.

        :param sent_at: when the request was sent. Requests that were in flight together halve the rate once.
        """
        with self._lock:
            now = self.clock()
            if sent_at > self._slowed_at:
                self._rate = max(self._rate * SLOWDOWN, self._full_rate * MIN_RATE_FRACTION)
                self._slowed_at = now
            self._paused_until = max(self._paused_until, now + pause)
            self._next = max(self._next, self._paused_until)

    def recover(self) -> None:
        """After a response that was no 429: a small, constant step back towards the full rate."""
        with self._lock:
            self._rate = min(self._full_rate, self._rate + self._full_rate / RECOVERY_STEPS)
