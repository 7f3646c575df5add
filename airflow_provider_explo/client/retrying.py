"""Rate limiting and retries: the only place that does either."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from airflow_provider_explo.client.errors import api_error
from airflow_provider_explo.client.models import Request, Response
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.client.transport import Transport
from airflow_provider_explo.exceptions import ExploApiError, ExploRateLimitError, ExploUnavailableError

# Takes a response's status, None where there was none, and seconds.
OnResponse = Callable[[int | None, float], None]

log = logging.getLogger(__name__)


def ignore_response(status: int | None, seconds: float) -> None:
    """Do nothing with a response."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded by the time left for the request.

    :param base: seconds; the longest first wait.
    :param cap: seconds; the longest wait of all.
    :param window: seconds over which Explo counts requests; a 429 without ``Retry-After`` waits on this scale.
    :param uniform: ``uniform(low, high)``, replaced in tests.
    """

    base: float = 1.0
    cap: float = 60.0
    window: float = 60.0
    uniform: Callable[[float, float], float] = random.uniform

    def delay(self, attempt: int, error: ExploApiError, *, repeatable: bool, time_left: float) -> float | None:
        """Seconds to wait before the next attempt, or None: stop.

        :param attempt: how many attempts were made, from 1.
        :param error: how the last attempt failed.
        :param repeatable: sending the request twice does no harm.
        :param time_left: seconds until the request is to be given up.
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


class RetryingTransport:
    """Sends requests when the budget allows, and again while that can help. Thread-safe.

    :param settings: valid ones.
    :param max_in_flight: requests at once; the connection pool is as large.
    :param rate_limiter: the budget.
    :param retry: what is retried, and after how long.
    :param max_attempts: how often a request is sent at most; None for no such limit.
    :param on_response: takes, after each attempt, its status (None without a response) and seconds.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        max_in_flight: int = 1,
        rate_limiter: RateLimiter,
        retry: RetryPolicy | None = None,
        max_attempts: int | None = None,
        on_response: OnResponse = ignore_response,
    ) -> None:
        self._on_response = on_response
        self._retry_timeout = settings.retry_timeout
        self._rate_limiter = rate_limiter
        self._retry = retry or RetryPolicy()
        self._max_attempts = max_attempts
        self._transport = Transport(settings, pool_size=max_in_flight, clock=rate_limiter.clock)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._transport.close()

    def send_once(self, request: Request) -> Response:
        """Send a request when the budget allows, and never again.

        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploApiError: one of its kinds.
        """
        return self._send(request, max_attempts=1)

    def send(self, request: Request) -> Response:
        """Send a request when the budget allows, and again while a retry can help and ``retry_timeout`` is not over.

        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploApiError: one of its kinds, when a retry cannot help or the limits are reached.
        """
        return self._send(request, max_attempts=self._max_attempts)

    def _send(self, request: Request, *, max_attempts: int | None) -> Response:
        sent_at = self._wait_for_turn(request)
        deadline = sent_at + self._retry_timeout
        ambiguous = False
        attempt = 1
        while True:
            try:
                response = self._transport.send(request, time_left=deadline - sent_at)
            except ExploApiError as error:
                now = self._rate_limiter.clock()
                self._on_response(error.status, now - sent_at)
                wait = self._retry.delay(attempt, error, repeatable=request.repeatable, time_left=deadline - now)
                if isinstance(error, ExploRateLimitError):
                    self._rate_limiter.slow_down(wait or error.retry_after or 0.0, sent_at=sent_at)
                elif error.status is not None and not isinstance(error, ExploUnavailableError):
                    self._rate_limiter.recover()
                if wait is None or attempt == max_attempts:
                    raise
                summary = str(error).partition("\n")[0]
                log.warning("%s; attempt %d failed, retrying in %.1f s", summary, attempt, wait)
                ambiguous = ambiguous or error.ambiguous
                next_at = self._rate_limiter.wait(not_before=now + wait, until=deadline)
                if next_at is None or next_at >= deadline:
                    raise
                sent_at = next_at
                attempt += 1
            else:
                self._on_response(response.status, self._rate_limiter.clock() - sent_at)
                self._rate_limiter.recover()
                log.debug("%s: HTTP %d, attempt %d", request, response.status, attempt)
                return replace(response, after_ambiguous=ambiguous)

    def _wait_for_turn(self, request: Request) -> float:
        """Wait for the budget, but not for the end of a pause that is longer than any request may take."""
        sent_at = self._rate_limiter.wait(max_pause=self._retry_timeout)
        if sent_at is None:
            pause = self._rate_limiter.paused_for
            summary = f"not sent: rate-limited by an earlier HTTP 429 for another {math.ceil(pause)} s"
            fix = "retry after that; it is longer than the connection's retry_timeout"
            raise api_error(ExploRateLimitError, request, summary, fix=fix, retry_after=pause)
        return sent_at
