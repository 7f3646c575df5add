"""The plan on disk, so that memory does not grow with the tenants.

The query is read to its end before the first request. A query that stayed open through an hour of paced requests would
hold a transaction, and on SQLite keep every writer out, this task included.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")
SCHEMA = """
CREATE TABLE planned (
    row INTEGER PRIMARY KEY, user_group_id TEXT UNIQUE, digest TEXT, rejected INTEGER DEFAULT 0, change BLOB
)"""


@dataclass(frozen=True, kw_only=True)
class FirstRow:
    """The first row of a tenant.

    :param digest: the hash of its content, or None where that is not JSON.
    :param rejected: whether it was rejected.
    """

    row: int
    digest: str | None
    rejected: bool


class Spool(Generic[T]):
    """Rows of the query, by tenant, and what is still to be done for them.

    It is a private temporary file, gone when the spool is closed.
    """

    def __init__(self) -> None:
        # SQLite makes the file when its cache is full, without a name, so that no other process can open it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(SCHEMA)
        self._database.execute("BEGIN")

    def __enter__(self) -> Spool[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def register(self, row: int, user_group_id: str | None, digest: str | None) -> FirstRow | None:
        """Note a row of a tenant.

        :returns: None where it is the tenant's first, or else its first row.
        """
        insert = "INSERT OR IGNORE INTO planned (row, user_group_id, digest) VALUES (?, ?, ?)"
        if self._database.execute(insert, (row, user_group_id, digest)).rowcount:
            return None
        select = "SELECT row, digest, rejected FROM planned WHERE user_group_id = ?"
        first_row, first_digest, rejected = self._database.execute(select, (user_group_id,)).fetchone()
        self._database.execute(insert, (row, None, None))
        return FirstRow(row=first_row, digest=first_digest, rejected=bool(rejected))

    def put(self, row: int, change: T, *, rejected: bool) -> None:
        """Keep the change of a registered row."""
        # Pickle keeps every digit of a number. It reads what this process wrote, and nothing else.
        values = (rejected, pickle.dumps(change), row)
        self._database.execute("UPDATE planned SET rejected = ?, change = ? WHERE row = ?", values)

    def chunks(self, size: int) -> Iterator[list[T]]:
        """The kept changes in the order of their rows."""
        last = 0
        select = "SELECT row, change FROM planned WHERE row > ? AND change IS NOT NULL ORDER BY row LIMIT ?"
        while rows := self._fetch(select, last, size):
            last = rows[-1][0]
            yield [pickle.loads(change) for _, change in rows]

    def _fetch(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._database.execute(query, parameters).fetchall()
