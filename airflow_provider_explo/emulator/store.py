"""The groups and the tags, in SQLite: in memory, or in a file that outlives the process."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from os import PathLike, fspath
from typing import Any

from airflow_provider_explo.emulator.auth import ApiToken
from airflow_provider_explo.emulator.group import Group, from_row

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
CREATE TABLE IF NOT EXISTS group_tags (name TEXT PRIMARY KEY);
"""
_SELECT = "SELECT c.*, p.provided_id FROM customers c LEFT JOIN customers p ON p.id = c.parent"
_JSON_COLUMNS = frozenset({"mapping", "properties", "emails", "group_tags"})


class IdTaken(Exception):
    """The id belongs to another customer under the same environment label."""


class Store:
    """All state that is worth keeping. Every method is one step under one lock, so any thread may call it."""

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

    def clear(self) -> None:
        with self._lock:
            self._db.execute("DELETE FROM customers")
            self._db.execute("DELETE FROM group_tags")

    def get(self, visibility_group: str, provided_id: str) -> Group | None:
        """The customer with this id, if this visibility group may see it."""
        return self._one("c.visibility_group = ? AND c.provided_id = ?", visibility_group, provided_id)

    def by_token(self, visibility_group: str, token: str) -> Group | None:
        """The customer with this token, if this visibility group may see it."""
        return self._one("c.visibility_group = ? AND c.token = ?", visibility_group, token)

    def owner(self, token: str) -> Group | None:
        """The customer with this token, whoever may see it."""
        return self._one("c.token = ?", token)

    def create(self, access: ApiToken, provided_id: str, values: dict[str, Any]) -> None:
        """A new customer with a new token. Raises IdTaken."""
        row = {
            "mapping": {},
            "properties": None,
            "is_demo_group": False,
            "emails": [],
            "group_tags": [],
            **values,
            "visibility_group": access.visibility_group,
            "environment_tag": access.environment_tag,
            "provided_id": provided_id,
            "token": _new_token(),
        }
        columns = self._columns(access.visibility_group, row)
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._write(f"INSERT INTO customers ({names}) VALUES ({marks})", *columns.values())

    def update(self, group: Group, values: dict[str, Any]) -> None:
        """Set the given fields, and only those. Raises IdTaken."""
        if columns := self._columns(group.visibility_group, values):
            changes = ", ".join(f"{name} = ?" for name in columns)
            self._write(f"UPDATE customers SET {changes} WHERE token = ?", *columns.values(), group.token)

    def refresh(self, group: Group) -> str:
        """Give the customer a new token; the old one is dead."""
        token = _new_token()
        self._write("UPDATE customers SET token = ? WHERE token = ?", token, group.token)
        return token

    def delete(self, group: Group) -> bool:
        """Remove the customer, unless it has children."""
        with self._lock:
            children = "SELECT 1 FROM customers child JOIN customers c ON c.id = child.parent WHERE c.token = ?"
            if self._db.execute(children, (group.token,)).fetchone():
                return False
            self._db.execute("DELETE FROM customers WHERE token = ?", (group.token,))
            return True

    def lineage(self, group: Group) -> list[Group]:
        """The customer's parent, its parent's parent, and so on."""
        with self._lock:
            line: list[Group] = []
            while (parent_id := (line[-1] if line else group).parent_provided_id) is not None:
                parent = self.get(group.visibility_group, parent_id)
                if parent is None:
                    break
                line.append(parent)
            return line

    def count(self, visibility_group: str | None = None) -> int:
        """How many customers there are, or how many one visibility group sees."""
        where, values = ("", ()) if visibility_group is None else (" WHERE visibility_group = ?", (visibility_group,))
        with self._lock:
            return int(self._db.execute(f"SELECT COUNT(*) FROM customers{where}", values).fetchone()[0])

    def page(self, visibility_group: str, *, offset: int, limit: int) -> list[Group]:
        """Customers in the order they were made."""
        where = "WHERE c.visibility_group = ? ORDER BY c.id LIMIT ? OFFSET ?"
        return self._many(where, visibility_group, limit, offset)

    def newest(self, limit: int) -> list[Group]:
        """The last customers made, newest first, of all visibility groups."""
        return self._many("ORDER BY c.id DESC LIMIT ?", limit)

    def named(self, provided_id: str) -> list[Group]:
        """The customers with this id, one at most in each visibility group."""
        return self._many("WHERE c.provided_id = ? ORDER BY c.id", provided_id)

    def all(self) -> list[Group]:
        """Every customer of every visibility group, in the order they were made."""
        return self._many("ORDER BY c.id")

    def tags(self) -> list[str]:
        with self._lock:
            return [name for (name,) in self._db.execute("SELECT name FROM group_tags ORDER BY rowid")]

    def add_tag(self, name: str) -> bool:
        """Make a tag; False if it was there."""
        with self._lock:
            return self._db.execute("INSERT OR IGNORE INTO group_tags VALUES (?)", (name,)).rowcount == 1

    def _columns(self, visibility_group: str, values: dict[str, Any]) -> dict[str, Any]:
        columns = {name: json.dumps(value) if name in _JSON_COLUMNS else value for name, value in values.items()}
        if "parent_provided_id" in columns:
            columns["parent"] = self._row_id(visibility_group, columns.pop("parent_provided_id"))
        return columns

    def _row_id(self, visibility_group: str, provided_id: str | None) -> int | None:
        # A row is tied to its parent by number, so that renaming a parent does not orphan its children.
        query = "SELECT id FROM customers WHERE visibility_group = ? AND provided_id = ?"
        with self._lock:
            row = self._db.execute(query, (visibility_group, provided_id)).fetchone()
        return None if row is None else int(row[0])

    def _write(self, statement: str, *values: Any) -> None:
        try:
            with self._lock:
                self._db.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise IdTaken from error

    def _one(self, condition: str, *values: Any) -> Group | None:
        with self._lock:
            row = self._db.execute(f"{_SELECT} WHERE {condition}", values).fetchone()
        return None if row is None else from_row(row)

    def _many(self, tail: str, *values: Any) -> list[Group]:
        with self._lock:
            rows = self._db.execute(f"{_SELECT} {tail}", values).fetchall()
        return [from_row(row) for row in rows]


def _new_token() -> str:
    """Random through and through: nothing of it follows from the id."""
    return secrets.token_urlsafe(32)
