"""Rows on disk, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from airflow_provider_explo.sql.temporary_database import temporary_database


class RowSpool:
    """Rows in the order they came, one for each key: a later row replaces an earlier one.

    It is a private temporary file, gone when the spool is closed.

    :param columns: their columns, plain names, the key first. Values are text, bytes, numbers, booleans (which come
        back as 0 and 1) or None.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._database = temporary_database(f"CREATE TABLE spooled ({', '.join(columns)}, PRIMARY KEY ({columns[0]}))")

    def __enter__(self) -> RowSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def __len__(self) -> int:
        return int(self._database.execute("SELECT COUNT(*) FROM spooled").fetchone()[0])

    def put(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep rows, each with a value for every column."""
        insert = f"INSERT OR REPLACE INTO spooled VALUES ({', '.join('?' for _ in self._columns)})"
        self._database.executemany(insert, ([row[column] for column in self._columns] for row in rows))

    def batches(self, size: int) -> Iterator[list[dict[str, Any]]]:
        """The rows, so many at once; may be read again."""
        cursor = self._database.execute("SELECT * FROM spooled ORDER BY rowid")
        while rows := cursor.fetchmany(size):
            yield [dict(zip(self._columns, row, strict=True)) for row in rows]
