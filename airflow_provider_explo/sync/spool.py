"""What a plan leaves to do, and which tenants it has seen: on disk, so that memory does not grow with the tenants.

The rows of the warehouse are read to their end before the first call. A query that stayed open through an hour of paced
calls would hold a transaction, and on SQLite keep everybody, this task included, from saving a token.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Literal

from airflow_provider_explo import json_values
from airflow_provider_explo.tenants.outcome import Kind, Outcome
from airflow_provider_explo.tenants.tenant import Tenant

SCHEMA = """
CREATE TABLE seen (user_group_id TEXT PRIMARY KEY, row INTEGER, digest TEXT, rejected INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE TABLE entry (row INTEGER PRIMARY KEY, action TEXT, tenant TEXT);
CREATE TABLE aside (row INTEGER PRIMARY KEY, outcome TEXT);
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A tenant that takes a call.

    :param row: its number in the result of the query, from 1.
    :param action: get or create, or update.
    """

    row: int
    action: Literal["create", "update"]
    tenant: Tenant

    def outcome(self, kind: Kind, reason: str = "", *, drift: bool = False, can_retry: bool = False) -> Outcome:
        """What became of it."""
        tenant = self.tenant
        return Outcome(
            row=self.row,
            user_group_id=tenant.user_group_id,
            name=tenant.name,
            kind=kind,
            reason=reason,
            drift=drift,
            can_retry=can_retry,
        )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The first row of a tenant.

    :param digest: of its content, or None where that is no JSON.
    :param rejected: it was no good.
    """

    row: int
    digest: str | None
    rejected: bool


class Worklist:
    """Entries and seen tenants in a private temporary file, which is gone when the list is closed."""

    def __init__(self) -> None:
        # SQLite makes the file when the cache is full, and nobody else can open it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(SCHEMA)
        self._database.execute("BEGIN")

    def __enter__(self) -> Worklist:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def first(self, row: int, user_group_id: str, digest: str | None) -> Seen | None:
        """Note a tenant's row.

        :returns: None where it is the tenant's first, or else what its first was.
        """
        insert = "INSERT OR IGNORE INTO seen (user_group_id, row, digest) VALUES (?, ?, ?)"
        if self._database.execute(insert, (user_group_id, row, digest)).rowcount:
            return None
        select = "SELECT row, digest, rejected FROM seen WHERE user_group_id = ?"
        first, content, rejected = self._database.execute(select, (user_group_id,)).fetchone()
        return Seen(row=first, digest=content, rejected=bool(rejected))

    def reject(self, user_group_id: str) -> None:
        """Note that a tenant's first row was no good."""
        self._database.execute("UPDATE seen SET rejected = 1 WHERE user_group_id = ?", (user_group_id,))

    def add(self, entry: Entry) -> None:
        """Put a tenant on the list."""
        tenant = json_values.dumps({"user_group_id": entry.tenant.user_group_id, **entry.tenant.content()})
        self._database.execute("INSERT INTO entry VALUES (?, ?, ?)", (entry.row, entry.action, tenant))

    def set_aside(self, outcomes: Iterable[Outcome]) -> None:
        """Keep outcomes that cannot be saved yet."""
        rows = [(outcome.row, json.dumps(asdict(outcome))) for outcome in outcomes]
        self._database.executemany("INSERT INTO aside VALUES (?, ?)", rows)

    def aside(self, size: int) -> Iterator[list[Outcome]]:
        """What was set aside, in the order of the rows."""
        for rows in self._pages("row, outcome", "aside", size):
            yield [Outcome(**json.loads(text)) for _, text in rows]

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM entry").fetchone()
        return int(count)

    def chunks(self, size: int) -> Iterator[list[Entry]]:
        """The entries in the order of their rows."""
        for rows in self._pages("row, action, tenant", "entry", size):
            yield [
                Entry(row=row, action=action, tenant=Tenant(**json_values.loads(text))) for row, action, text in rows
            ]

    def _pages(self, columns: str, table: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        last = 0
        select = f"SELECT {columns} FROM {table} WHERE row > ? ORDER BY row LIMIT ?"
        while rows := self._database.execute(select, (last, size)).fetchall():
            last = rows[-1][0]
            yield rows
