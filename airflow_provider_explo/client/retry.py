"""What is tried again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from airflow_provider_explo.exceptions import ExploApiError, ExploRateLimitError, ExploUnavailableError

MAX_RETRY_AFTER = 3600.0


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with full jitter, bounded by the time left for the call.

    :param base: seconds; the longest first wait.
    :param cap: seconds; the longest wait of all.
    :param window: seconds over which Explo counts requests; a 429 that names no time waits on this scale.
    :param uniform: ``uniform(low, high)``, replaced in tests.
    """

    base: float = 1.0
    cap: float = 60.0
    window: float = 60.0
    uniform: Callable[[float, float], float] = random.uniform

    def delay(self, attempt: int, error: ExploApiError, *, repeatable: bool, time_left: float) -> float | None:
        """Seconds to wait before the next attempt, or None: stop.

        :param attempt: how many attempts were made, from 1.
        :param error: what came of the last one.
        :param repeatable: sending the call twice does no harm.
        :param time_left: seconds until the call is to be given up.
        """
        if not isinstance(error, (ExploRateLimitError, ExploUnavailableError)):
            return None
        if error.ambiguous and not repeatable:
            return None
        wait = self.uniform(0, min(self.cap, self.base * 2.0 ** min(attempt - 1, 30)))
        if error.retry_after is not None:
            wait = max(wait, error.retry_after)
        elif isinstance(error, ExploRateLimitError):
            wait = self.uniform(self.window / 2, self.window)
        return wait if wait < time_left else None


def parse_retry_after(value: str | None, *, now: Callable[[], datetime] | None = None) -> float | None:
    """Seconds asked for by a ``Retry-After`` header (seconds or HTTP date), between 0 and an hour.

    :returns: None where there is no header, or none that can be read.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    current = now() if now else datetime.now(timezone.utc)
    return min(max((moment - current).total_seconds(), 0.0), MAX_RETRY_AFTER)
