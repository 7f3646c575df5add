"""Tokens saved as they come: one that the database refuses fails its tenant alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from airflow_provider_explo.exceptions import ExploConfigError, ExploError, ExploProtocolError
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.result import Result
from airflow_provider_explo.sync.shutdown import ShutdownSignal

SAVE_BACKOFF = (1.0, 2.0, 4.0, 8.0)

log = logging.getLogger(__name__)
T = TypeVar("T")


class TokenSaver:
    """Saves the tokens of results, and deletes the rows of tenants that were deleted.

    :param tokens: the token table, or None.
    :param signal: ends waiting for a database that is away.
    """

    def __init__(self, tokens: TokenTable | None, signal: ShutdownSignal) -> None:
        self._tokens = tokens
        self._signal = signal

    def save(self, results: Sequence[Result]) -> list[Result]:
        """Save what results brought.

        :returns: the results; those whose token is refused with that error.
        :raises ExploError: the database is away.
        """
        if self._tokens is None:
            return list(results)
        refused = self._save([row for result in results if (row := result.token_row) is not None])
        for result in results:
            if result.is_gone:
                self._delete(result.change.user_group_id)
        return [
            replace(result, error=refused[name]) if (name := result.change.user_group_id) in refused else result
            for result in results
        ]

    def save_once(self, results: Sequence[Result]) -> bool:
        """Save what results brought, without waiting for the database.

        :returns: whether there is a token table.
        :raises ExploError: the database is away, or refuses one of them.
        """
        if self._tokens is None:
            return False
        if rows := [row for result in results if (row := result.token_row) is not None]:
            self._tokens.save_all(rows)
        for result in results:
            if result.is_gone:
                self._tokens.delete(result.change.user_group_id)
        return True

    def _delete(self, user_group_id: str) -> None:
        self._with_retries(lambda tokens: tokens.delete(user_group_id))

    def _save(self, rows: Sequence[TokenRow]) -> dict[str, ExploError]:
        """Save rows; return, by tenant, why one is refused."""
        if not rows:
            return {}
        try:
            self._with_retries(lambda tokens: tokens.save_all(rows))
        except (ExploConfigError, ExploProtocolError) as error:
            if len(rows) == 1:
                return {rows[0].user_group_id: error}
            # Halves find the one that is refused, and save the others.
            middle = len(rows) // 2
            return {**self._save(rows[:middle]), **self._save(rows[middle:])}
        return {}

    def _with_retries(self, work: Callable[[TokenTable], None]) -> None:
        tokens = self._tokens
        assert tokens is not None
        with_retries(lambda: work(tokens), self._signal.sleep)


def with_retries(work: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Do something in the token table, again where the database is away: what Explo has done is done.

    :raises ExploError: the database is away for longer, or refuses this.
    """
    for seconds in SAVE_BACKOFF:
        try:
            return work()
        except (ExploConfigError, ExploProtocolError):
            raise
        except ExploError as error:
            log.warning("%s\nretrying in %.0f s", error, seconds)
        sleep(seconds)
    return work()


def save_only(
    chunks: Iterable[tuple[int, Sequence[Change]]], tokens: TokenTable | None, signal: ShutdownSignal
) -> Iterator[list[Result]]:
    """Apply changes of which none takes a request."""
    saver = TokenSaver(tokens, signal)
    for _, changes in chunks:
        yield saver.save([Result(change=change, error=change.error) for change in changes])
