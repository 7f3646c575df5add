"""The groups and the tags, in SQLite: in memory, or in a file that outlives the process."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    visibility_group TEXT NOT NULL,
    environment_tag TEXT NOT NULL,
    provided_id TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    mapping TEXT NOT NULL,
    properties TEXT NOT NULL,
    is_demo_group INTEGER NOT NULL,
    emails TEXT NOT NULL,
    group_tags TEXT NOT NULL,
    hierarchy_level TEXT,
    parent INTEGER REFERENCES customers (id),
    UNIQUE (visibility_group, provided_id),
    UNIQUE (environment_tag, provided_id)
);
CREATE INDEX IF NOT EXISTS customers_parent ON customers (parent);
CREATE INDEX IF NOT EXISTS customers_in_order ON customers (visibility_group, id);
CREATE TABLE IF NOT EXISTS group_tags (name TEXT PRIMARY KEY);
"""
_JSON_COLUMNS = frozenset({"mapping", "properties", "emails", "group_tags"})


@dataclass(frozen=True)
class Group:
    """A user group, or customer, as it is stored."""

    visibility_group: str
    environment_tag: str
    provided_id: str
    token: str = field(repr=False)
    name: str
    mapping: dict[str, str]
    properties: dict[str, Any] | None
    is_demo_group: bool
    emails: list[str]
    group_tags: list[str]
    hierarchy_level: str
    parent_provided_id: str | None

    @property
    def user_group_id(self) -> str:
        """The same as ``provided_id``, under its older name."""
        return self.provided_id


_COLUMNS = [name for name in Group.__dataclass_fields__ if name != "parent_provided_id"]
_SELECT = f"SELECT {', '.join(f'c.{name}' for name in _COLUMNS)}, p.provided_id FROM customers c"
_JOIN = "LEFT JOIN customers p ON p.id = c.parent"


class IdTaken(Exception):
    """The id belongs to another customer under the same environment label."""


class Store:
    """All state that is worth keeping. Any thread may use it.

    ``where`` in its methods: columns of the customers, and the values that they must have.
    """

    def __init__(self, database: str | PathLike[str] | None = None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(fspath(database or ":memory:"), isolation_level=None, check_same_thread=False)
        try:
            # A power cut may cost the file, the end of the process does not: right for an emulator, and fast.
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_TABLES)
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block is done, or none of it; other threads wait. Not to be nested."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def clear(self) -> None:
        with self._lock:
            self._db.execute("DELETE FROM customers")
            self._db.execute("DELETE FROM group_tags")

    def get(self, **where: Any) -> Group | None:
        """The first customer that matches."""
        return next(iter(self.find(limit=1, **where)), None)

    def find(self, *, limit: int = -1, offset: int = 0, newest_first: bool = False, **where: Any) -> list[Group]:
        """The customers that match, in the order they were made."""
        condition, values = self._condition(where)
        order = "DESC" if newest_first else "ASC"
        query = f"{_SELECT} {_JOIN}{condition} ORDER BY c.id {order} LIMIT ? OFFSET ?"
        with self._lock:
            rows = self._db.execute(query, (*values, limit, offset)).fetchall()
        return [_group(row) for row in rows]

    def count(self, **where: Any) -> int:
        """How many customers match."""
        condition, values = self._condition(where)
        with self._lock:
            return int(self._db.execute(f"SELECT COUNT(*) FROM customers c{condition}", values).fetchone()[0])

    def insert(self, values: dict[str, Any]) -> None:
        """A new customer with a new token. Raises IdTaken."""
        defaults: dict[str, Any] = {
            "mapping": {},
            "properties": None,
            "is_demo_group": False,
            "emails": [],
            "group_tags": [],
        }
        columns = self._encode({**defaults, **values, "token": new_token()}, values["visibility_group"])
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._write(f"INSERT INTO customers ({names}) VALUES ({marks})", *columns.values())

    def update(self, group: Group, values: dict[str, Any]) -> None:
        """Set these columns, and only these. Raises IdTaken."""
        if columns := self._encode(values, group.visibility_group):
            changes = ", ".join(f"{name} = ?" for name in columns)
            self._write(f"UPDATE customers SET {changes} WHERE token = ?", *columns.values(), group.token)

    def delete(self, group: Group) -> None:
        self._write("DELETE FROM customers WHERE token = ?", group.token)

    def lineage(self, group: Group) -> list[Group]:
        """The customer, its parent, its parent's parent, and so on."""
        line = [group]
        while (parent_id := line[-1].parent_provided_id) is not None:
            parent = self.get(visibility_group=group.visibility_group, provided_id=parent_id)
            if parent is None:
                break
            line.append(parent)
        return line

    def tags(self) -> list[str]:
        with self._lock:
            return [name for (name,) in self._db.execute("SELECT name FROM group_tags ORDER BY rowid")]

    def add_tag(self, name: str) -> None:
        self._write("INSERT INTO group_tags VALUES (?)", name)

    def rename_tag(self, name: str, new_name: str) -> None:
        """Rename a tag, also where customers have it. Raises IdTaken if there is a tag of the new name."""
        self._write("UPDATE group_tags SET name = ? WHERE name = ?", new_name, name)
        self._retag(name, [new_name])

    def delete_tag(self, name: str) -> None:
        """Delete a tag, also where customers have it."""
        self._write("DELETE FROM group_tags WHERE name = ?", name)
        self._retag(name, [])

    def _retag(self, name: str, replacement: list[str]) -> None:
        for group in self.find():
            if name in group.group_tags:
                tags = [tag for old in group.group_tags for tag in (replacement if old == name else [old])]
                self.update(group, {"group_tags": tags})

    def _condition(self, where: dict[str, Any]) -> tuple[str, list[Any]]:
        columns = self._encode(where, where.get("visibility_group"))
        condition = " AND ".join(f"c.{name} = ?" for name in columns)
        return f" WHERE {condition}" if condition else "", list(columns.values())

    def _encode(self, values: dict[str, Any], visibility_group: str | None) -> dict[str, Any]:
        columns = {name: json.dumps(value) if name in _JSON_COLUMNS else value for name, value in values.items()}
        if "parent_provided_id" in columns:
            # A row is tied to its parent by number, so that renaming a parent does not orphan its children.
            query = "SELECT id FROM customers WHERE visibility_group = ? AND provided_id = ?"
            with self._lock:
                row = self._db.execute(query, (visibility_group, columns.pop("parent_provided_id"))).fetchone()
            columns["parent"] = row and row[0]
        return columns

    def _write(self, statement: str, *values: Any) -> None:
        try:
            with self._lock:
                self._db.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise IdTaken from error


def new_token() -> str:
    """64 lowercase hex digits, random through and through: nothing of it follows from the id."""
    return secrets.token_hex(32)


def _group(row: tuple[Any, ...]) -> Group:
    values = dict(zip(Group.__dataclass_fields__, row, strict=True))
    decoded = {name: json.loads(values[name]) for name in _JSON_COLUMNS}
    return Group(**{**values, **decoded, "is_demo_group": bool(values["is_demo_group"])})
