"""Explo's own list of user groups: read once for a run, and kept on disk, so that memory does not grow with it."""

from __future__ import annotations

import logging
import pickle
import sqlite3
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from airflow_provider_explo.exceptions import (
    NON_RETRYABLE,
    ExploAuthError,
    ExploConfigError,
    ExploEndpointGoneError,
    ExploRefusedError,
    message,
)

if TYPE_CHECKING:
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.models import UserGroup

SCHEMA = """
CREATE TABLE actual (user_group_id TEXT PRIMARY KEY, token TEXT, matched INTEGER DEFAULT 0, user_group BLOB);
CREATE INDEX by_token ON actual (token);
"""
MAX_PARAMETERS = 500

log = logging.getLogger(__name__)


class ActualGroups:
    """The groups that Explo has, in a private temporary file."""

    def __init__(self) -> None:
        # SQLite makes the file when its cache is full, without a name, so that no other process can open it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(SCHEMA)
        self._database.execute("BEGIN")

    def __enter__(self) -> ActualGroups:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM actual").fetchone()
        return int(count)

    def read(self, client: ExploClient) -> None:
        """Read the whole list: one request for each page.

        :raises ExploConfigError: Explo refuses the list.
        :raises ExploApiError: another of its kinds.
        """
        try:
            for page in client.pages():
                self.add(page)
        except (ExploAuthError, ExploEndpointGoneError, ExploRefusedError) as error:
            fix = "allow the API token to list customers, or set refresh=False: the token table is then trusted unseen"
            raise ExploConfigError(
                message(f"Explo's list of customers cannot be read: {first_line(error)}", fix=fix)
            ) from None
        log.info("Explo has %s user groups", f"{len(self):,}")

    def add(self, groups: Collection[UserGroup]) -> None:
        """Keep groups; one that is there already is replaced."""
        # Pickle keeps every digit of a number. It reads what this process wrote, and nothing else.
        rows = [(group.provided_id, group.token, pickle.dumps(group)) for group in groups]
        self._database.executemany(
            "INSERT OR REPLACE INTO actual (user_group_id, token, user_group) VALUES (?, ?, ?)", rows
        )

    def match(self, user_group_ids: Collection[str]) -> dict[str, tuple[UserGroup, bool]]:
        """The groups of these tenants, by id, each with whether its token is another group's too."""
        found: dict[str, tuple[UserGroup, bool]] = {}
        ids = list(user_group_ids)
        for start in range(0, len(ids), MAX_PARAMETERS):
            chunk = ids[start : start + MAX_PARAMETERS]
            marks = ", ".join("?" * len(chunk))
            select = (
                "SELECT user_group_id, user_group, (SELECT count(*) FROM actual same WHERE same.token = actual.token) "
                f"FROM actual WHERE user_group_id IN ({marks})"
            )
            for name, group, holders in self._database.execute(select, chunk).fetchall():
                found[name] = (pickle.loads(group), holders > 1)
            self._database.execute(f"UPDATE actual SET matched = 1 WHERE user_group_id IN ({marks})", chunk)
        return found

    def unmatched(self, size: int = MAX_PARAMETERS) -> Iterator[list[str]]:
        """The ids of groups that :meth:`match` was never asked for."""
        last = ""
        select = "SELECT user_group_id FROM actual WHERE matched = 0 AND user_group_id > ? ORDER BY 1 LIMIT ?"
        while rows := self._database.execute(select, (last, size)).fetchall():
            last = rows[-1][0]
            yield [name for (name,) in rows]


def first_line(error: Exception) -> str:
    """What happened, without what to do about it."""
    return str(error).partition("\n")[0]


def can_retry(error: Exception | None) -> bool:
    """Whether a retry may fix an error."""
    return error is not None and not isinstance(error, NON_RETRYABLE)
