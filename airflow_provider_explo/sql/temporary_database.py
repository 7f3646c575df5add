"""A private temporary file for rows, so that memory does not grow with their number."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_provider_explo.exceptions import ExploError, message

T = TypeVar("T")


def temporary_database(schema: str) -> sqlite3.Connection:
    """An SQLite database in a temporary file, gone when it is closed, in one transaction that is never committed.

    Its methods raise an ExploError where the file cannot be written, such as on a disk that is full.

    :param schema: statements that make its tables.
    """
    # SQLite makes the file when its cache is full, without a name, so that no other process can open it.
    database = sqlite3.connect("", isolation_level=None, factory=_Connection)
    database.executescript(schema)
    database.execute("BEGIN")
    return database


class _Connection(sqlite3.Connection):
    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        execute = super().execute
        return _translated(lambda: execute(*arguments))

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        executemany = super().executemany
        return _translated(lambda: executemany(*arguments))


def _translated(work: Callable[[], T]) -> T:
    try:
        return work()
    except sqlite3.OperationalError as error:
        folder = _folder()
        free = shutil.disk_usage(folder).free >> 20
        raise ExploError(
            message(
                f"the run's temporary file cannot be written: {error}",
                found=f"{folder}, {free:,} MiB free",
                fix="free space there, or set TMPDIR to a folder that has more; then retry",
            )
        ) from None


def _folder() -> str:
    """Where SQLite makes temporary files."""
    candidates = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")
    return next((each for each in candidates if each and os.access(each, os.W_OK | os.X_OK)), ".")
