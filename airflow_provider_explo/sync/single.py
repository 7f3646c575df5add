"""What the changes of a single tenant share: waiting between attempts, and errors without tokens."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploUnavailableError,
    message,
    preview,
)
from airflow_provider_explo.sync.actual import first_line
from airflow_provider_explo.sync.lookup import find_group, no_such_group

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup

MAX_ROUNDS = 10
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
Sleep = Callable[[float], None]

log = logging.getLogger(__name__)


class Backoff:
    """Waits between attempts that the client does not repeat by itself, for as long as one request may take."""

    def __init__(self, client: ExploClient, *, sleep: Sleep, retry: RetryPolicy | None = None) -> None:
        self._sleep = sleep
        self._retry = retry or RetryPolicy()
        self._deadline = time.monotonic() + client.settings.retry_timeout
        self._attempts = 0

    def wait(self, error: ExploApiError) -> None:
        """Wait before the next attempt.

        :param error: how the last one failed; raised where another cannot help, or the time is over.
        """
        self._attempts += 1
        time_left = self._deadline - time.monotonic()
        delay = self._retry.delay(self._attempts, error, repeatable=True, time_left=time_left)
        if delay is None:
            raise error
        log.warning("%s; attempt %d failed, retrying in %.1f s", first_line(error), self._attempts, delay)
        self._sleep(delay)


def save_valid_token(client: ExploClient, group: UserGroup, write: Callable[[UserGroup], None]) -> UserGroup:
    """Save a group's token, until what was saved is what Explo has: another task may replace it meanwhile.

    :param write: saves the group's token.
    :returns: the group with the token that is in Explo and saved.
    :raises ExploUnavailableError: it is replaced again and again.
    :raises ExploRefusedError: the group was deleted meanwhile.
    """
    for _ in range(MAX_ROUNDS):
        write(group)
        current = find_group(client, group.provided_id)
        if current is None:
            raise no_such_group(group.provided_id, operation="save the token of: it was deleted meanwhile")
        if current.token == group.token:
            return group
        group = current
    summary = f"tenant {preview(group.provided_id)}: its token was replaced {MAX_ROUNDS} times while it was being saved"
    raise ExploUnavailableError(message(summary, fix="let one task at a time refresh it, then retry"))


def without_frames(function: FunctionT) -> FunctionT:
    """A function that leaves its frames out of its errors: some tools print their local variables, here tokens.

    :param function: takes a token as a keyword, if at all.
    """

    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except BaseException as error:
            # This frame stays.
            keywords.clear()
            error.__context__ = None
            raise error.with_traceback(None) from None

    return cast(FunctionT, wrapper)
