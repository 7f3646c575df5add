"""The plan on disk, so that memory does not grow with the tenants.

The query is read to its end before the first request. A query that stayed open through an hour of paced requests would
hold a transaction, and on SQLite keep every writer out, this task included.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, NamedTuple, TypeVar

from airflow_provider_explo.sql.temporary_database import temporary_database

T = TypeVar("T")
UndecidedT = TypeVar("UndecidedT")
DatabaseT = TypeVar("DatabaseT", bound="TemporaryDatabase")
MAX_PARAMETERS = 500
LAST = 1_000_000


class TemporaryDatabase:
    """A private temporary file, gone when it is closed.

    Values are pickled: that keeps every digit of a number, and only what this process wrote is ever read.

    :param schema: its tables.
    """

    def __init__(self, schema: str) -> None:
        self._database = temporary_database(schema)

    def __enter__(self: DatabaseT) -> DatabaseT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def _rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._database.execute(query, parameters).fetchall()

    def _rows_in(self, query: str, values: Collection[str]) -> Iterator[tuple[Any, ...]]:
        """Run a query with ``IN (…)`` in its place for some values, as many at once as SQLite takes."""
        remaining = list(values)
        for start in range(0, len(remaining), MAX_PARAMETERS):
            chunk = remaining[start : start + MAX_PARAMETERS]
            yield from self._database.execute(query.replace("(…)", f"({', '.join('?' * len(chunk))})"), chunk)


class FirstRow(NamedTuple):
    """The first row of a tenant.

    :param digest: the hash of its content, or None where that is not JSON.
    :param rejected: whether it was rejected.
    """

    row: int
    digest: str | None
    rejected: bool


class Spool(TemporaryDatabase, Generic[T, UndecidedT]):
    """Rows of the query, by tenant; those still to be decided; the changes still to be applied or reported."""

    def __init__(self) -> None:
        super().__init__("""
            CREATE TABLE planned (
                position INTEGER PRIMARY KEY, user_group_id TEXT UNIQUE, digest TEXT, rejected INTEGER DEFAULT 0,
                change BLOB, parent TEXT, depth INTEGER DEFAULT 0
            );
            CREATE TABLE undecided (rows BLOB);
            CREATE INDEX by_depth ON planned (depth, position) WHERE change IS NOT NULL;
            CREATE INDEX by_parent ON planned (parent) WHERE parent IS NOT NULL;
        """)

    def register(self, rows: Iterable[tuple[int, str | None, str | None]]) -> None:
        """Note rows: each its position, the tenant whose first row it is, or None, and the hash of its content."""
        self._database.executemany("INSERT INTO planned (position, user_group_id, digest) VALUES (?, ?, ?)", rows)

    def first_rows(self, user_group_ids: Collection[str]) -> dict[str, FirstRow]:
        """The first rows of those of these tenants that have one, by id."""
        query = "SELECT user_group_id, position, digest, rejected FROM planned WHERE user_group_id IN (…)"
        return {
            name: FirstRow(position, digest, bool(rejected))
            for name, position, digest, rejected in self._rows_in(query, user_group_ids)
        }

    def registered(self, user_group_ids: Collection[str]) -> set[str]:
        """Those of these tenants that have a row."""
        query = "SELECT user_group_id FROM planned WHERE user_group_id IN (…)"
        return {name for (name,) in self._rows_in(query, user_group_ids)}

    def put(self, position: int, change: T, *, rejected: bool = False, parent: str | None = None) -> None:
        """Keep the change of a registered row.

        :param parent: the tenant whose change must be applied first, if it has one.
        """
        values = (rejected, pickle.dumps(change), parent, position)
        self._database.execute("UPDATE planned SET rejected = ?, change = ?, parent = ? WHERE position = ?", values)

    def defer(self, rows: Sequence[UndecidedT]) -> None:
        """Keep registered rows until they can be decided."""
        self._database.execute("INSERT INTO undecided (rows) VALUES (?)", (pickle.dumps(rows),))

    def undecided(self) -> Iterator[list[UndecidedT]]:
        """The rows that were deferred, in their order."""
        for (rows,) in self._database.execute("SELECT rows FROM undecided ORDER BY rowid"):
            yield pickle.loads(rows)

    def append(self, change: T) -> None:
        """Keep a change that belongs to no row of the query; these come last."""
        self._database.execute("INSERT INTO planned (change, depth) VALUES (?, ?)", (pickle.dumps(change), LAST))

    def replace(self, changes: Mapping[int, T]) -> None:
        """Keep problems instead of changes, by position."""
        for position, change in changes.items():
            self.put(position, change, rejected=True)
            self._database.execute("UPDATE planned SET depth = 0 WHERE position = ?", (position,))

    def parents(self) -> set[str]:
        """The parents that changes wait for and that have no change of their own."""
        query = """
            SELECT DISTINCT parent FROM planned child WHERE parent IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM planned WHERE user_group_id = child.parent AND change IS NOT NULL AND NOT rejected)"""
        return {parent for (parent,) in self._rows(query)}

    def waiting_for(self, parents: Collection[str]) -> dict[int, T]:
        """The changes, by position, that wait for one of these tenants."""
        query = "SELECT position, change FROM planned WHERE parent IN (…)"
        return {position: pickle.loads(change) for position, change in self._rows_in(query, parents)}

    def put_in_order(self) -> dict[int, tuple[T, str]]:
        """Put parents before children.

        :returns: the changes, by position, that wait for themselves in a cycle or behind one, each with its parent.
        """
        self._database.execute("""
            UPDATE planned SET depth = -1 WHERE parent IN (
                SELECT user_group_id FROM planned WHERE change IS NOT NULL AND NOT rejected)""")
        step = """
            UPDATE planned SET depth = ? WHERE depth = -1 AND parent IN (
                SELECT user_group_id FROM planned WHERE depth = ? AND change IS NOT NULL)"""
        depth = 0
        while self._database.execute(step, (depth + 1, depth)).rowcount:
            depth += 1
        cyclic = self._rows("SELECT position, change, parent FROM planned WHERE depth = -1")
        return {position: (pickle.loads(change), parent) for position, change, parent in cyclic}

    def chunks(self, size: int) -> Iterator[tuple[int, list[T]]]:
        """The kept changes, parents before children: the depth, and changes of that depth in the order of rows."""
        depth, position = -1, 0
        select = """
            SELECT depth, position, change FROM planned
            WHERE change IS NOT NULL AND (depth, position) > (?, ?) ORDER BY depth, position LIMIT ?"""
        while rows := self._rows(select, depth, position, size):
            depth = rows[0][0]
            same_depth = [row for row in rows if row[0] == depth]
            position = same_depth[-1][1]
            yield depth, [pickle.loads(change) for _, _, change in same_depth]
