"""One call, paced and tried again: the only place that does either."""

from __future__ import annotations

import logging
from dataclasses import replace

from airflow_provider_explo.client.errors import api_error
from airflow_provider_explo.client.models import Request, Response
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retry import RetryPolicy
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.client.transport import Transport
from airflow_provider_explo.exceptions import ExploApiError, ExploRateLimitError, ExploUnavailableError

log = logging.getLogger(__name__)


class Caller:
    """Sends calls when the budget allows, and again while that can help. Safe to share between threads.

    :param settings: usable ones.
    :param max_in_flight: calls at once; the connection pool is as large.
    :param rate_limiter: the budget.
    :param retry: what is tried again.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        max_in_flight: int = 1,
        rate_limiter: RateLimiter,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._retry_timeout = settings.retry_timeout
        self._pacer = rate_limiter
        self._retry = retry or RetryPolicy()
        self._session = Transport(settings, pool_size=max_in_flight, clock=self._pacer.clock)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._session.close()

    def once(self, call: Request) -> Response:
        """Send a call when the budget allows, and never again.

        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploApiError: one of its kinds.
        """
        self._turn(call)
        return self._session.attempt(call, time_left=self._retry_timeout)

    def call(self, call: Request) -> Response:
        """Send a call when the budget allows, and again while trying again can help and its time is not over.

        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploApiError: one of its kinds, when trying again cannot help or the time is over.
        """
        left_at = self._turn(call)
        deadline = left_at + self._retry_timeout
        ambiguous = False
        attempt = 1
        while True:
            try:
                answer = self._session.attempt(call, time_left=deadline - left_at)
            except ExploApiError as error:
                now = self._pacer.clock()
                wait = self._retry.delay(attempt, error, repeatable=call.repeatable, time_left=deadline - now)
                if isinstance(error, ExploRateLimitError):
                    self._pacer.slow_down(wait or error.retry_after or 0.0, left_at=left_at)
                elif error.status is not None and not isinstance(error, ExploUnavailableError):
                    self._pacer.recover()
                if wait is None:
                    raise
                log.warning("%s; attempt %d, the next in %.1f s", error, attempt, wait)
                ambiguous = ambiguous or error.ambiguous
                next_at = self._pacer.wait(not_before=now + wait, until=deadline)
                if next_at is None or next_at >= deadline:
                    raise
                left_at = next_at
                attempt += 1
            else:
                self._pacer.recover()
                log.debug("%s: HTTP %d, attempt %d", call, answer.status, attempt)
                return replace(answer, after_ambiguous=ambiguous)

    def _turn(self, call: Request) -> float:
        """Wait for the budget, but not for the end of a pause that is longer than any call may take."""
        left_at = self._pacer.wait(until=self._pacer.clock() + self._retry_timeout)
        if left_at is None:
            pause = self._pacer.paused_for
            words = (
                f"not sent, because after an earlier HTTP 429 nobody calls for another {pause:.0f} s, which is longer "
                "than retry_timeout; the task may be run again after that"
            )
            raise api_error(ExploRateLimitError, call, words, retry_after=pause)
        return left_at
