"""When a run gives up: if every request fails, whoever the tenant is, the next thousand will too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploAuthError,
    ExploConfigError,
    ExploEndpointGoneError,
    ExploError,
    ExploRateLimitError,
    ExploRefusedError,
)

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.retrying import RetryPolicy
    from airflow_provider_explo.sync.shutdown import ShutdownSignal

CONSECUTIVE_FAILURES = 5
# A token that may read but not write fails for every tenant, while the probe succeeds.
REFUSED_WRITES = 20


class CircuitBreaker:
    """Decides, after each request, whether to go on.

    A tenant that Explo refuses says nothing of the others. After five failures in a row a probe asks whether Explo is
    there: only if that fails too is the run given up. At once it is given up for an endpoint that is gone, a wrong
    setting (TLS, proxy), and a pause that is longer than any request may take.
    """

    def __init__(self) -> None:
        self.error: ExploError | None = None
        self.wants_probe = False
        self.failures = 0
        self._refused_writes = 0
        self._succeeded = False

    def record(self, error: ExploError | None, *, one_tenant: bool = False) -> None:
        """Take the error of a request, or None where it succeeded.

        :param one_tenant: whatever its class, the error concerns this tenant only.
        """
        if error is None or one_tenant or isinstance(error, ExploRefusedError):
            self.failures = 0
            self._succeeded = self._succeeded or error is None
            return
        paused = isinstance(error, ExploRateLimitError) and error.status is None
        if isinstance(error, ExploEndpointGoneError) or not isinstance(error, ExploApiError) or paused:
            self.error = self.error or error
        if isinstance(error, ExploAuthError) and not self._succeeded:
            self._refused_writes += 1
            if self._refused_writes >= REFUSED_WRITES:
                self.error = self.error or error
        self.failures += 1
        self.wants_probe = self.failures >= CONSECUTIVE_FAILURES

    def record_probe(self, error: ExploError | None) -> None:
        """Take the result of the probe: None where Explo responded as it should."""
        self.wants_probe = False
        self.failures = 0
        if error is not None:
            self.error = self.error or error


def probe(
    client: ExploClient,
    retry: RetryPolicy,
    signal: ShutdownSignal,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> ExploError | None:
    """Ask whether Explo is there, for as long as one request may take.

    :param client: sends each request once.
    :returns: None where it is, or else why not.
    :raises ShutdownError: the task is being terminated.
    """
    started, attempt = clock(), 1
    while True:
        try:
            client.probe()
            return None
        except ExploApiError as error:
            time_left = client.settings.retry_timeout - (clock() - started)
            delay = retry.delay(attempt, error, repeatable=True, time_left=time_left)
            if delay is None:
                return error
        except ExploConfigError as error:
            return error
        signal.sleep(delay)
        attempt += 1
