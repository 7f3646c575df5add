"""Looking for tokens where none may be: in files, and in every table of a database."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from tests.distributed.services import Postgres


class Search:
    """Finds any of thousands of tokens, also inside of longer words."""

    def __init__(self, tokens: Collection[str]) -> None:
        self._tokens = {token.encode() for token in tokens}
        self._lengths = sorted({len(token) for token in self._tokens})
        self._word = re.compile(rb"[\w.~+/=-]{%d,}" % self._lengths[0])

    def has(self, text: bytes) -> bool:
        return any(
            word[start : start + length] in self._tokens
            for word in self._word.findall(text)
            for length in self._lengths
            for start in range(len(word) - length + 1)
        )

    def files(self, *folders: Path) -> Iterator[Path]:
        """The files below these folders that hold a token."""
        for folder in folders:
            yield from (path for path in folder.rglob("*") if path.is_file() and self.has(path.read_bytes()))

    def rows(
        self, server: Postgres, database: str, *, allowed: Callable[[str, dict[str, Any]], bool]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows that hold a token, with their table; ``allowed`` says where one may be."""
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for (table,) in server.execute(database, tables):
            columns = (
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
            )
            names = [name for (name,) in server.execute(database, columns, (table,))]
            for values in server.execute(database, f'SELECT * FROM "{table}"'):
                row = dict(zip(names, values, strict=True))
                if any(self.has(as_bytes(value)) for value in values) and not allowed(table, row):
                    yield table, row


def as_bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
