"""When to stop calling: if every call fails in the same way, the next thousand will too."""

from __future__ import annotations

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
)

IN_A_ROW = 5


class Breaker:
    """Hears what came of each call, and opens where calling on is no use.

    A tenant that Explo refuses says nothing of the others. But five calls in a row that met a wrong API token, a
    gateway in front of Explo, or an Explo that is away, each after its own retries, say that the sixth will meet it
    too. Then :attr:`error` is what they met.
    """

    def __init__(self) -> None:
        self.error: ExploError | None = None
        self._failures = 0

    def hear(self, error: ExploError | None, *, of_one: bool = False) -> None:
        """Take in a call's error, or None where it had none.

        :param of_one: whatever kind it is, it may concern this tenant only.
        """
        if error is None or isinstance(error, ExploRefusedError):
            self._failures = 0
            return
        self._failures += 1
        # What is no answer of Explo's is a wrong setting. A rate limit without a status was met by an earlier call,
        # and asks for a longer pause than any call may take.
        for_all = not isinstance(error, ExploApiError) or (
            isinstance(error, ExploRateLimitError) and error.status is None
        )
        if (for_all and not of_one) or self._failures >= IN_A_ROW:
            self.error = self.error or error


def can_retry(error: ExploError) -> bool:
    """Whether trying again may mend an error."""
    return isinstance(error, (ExploRateLimitError, ExploUnavailableError))
