"""A provider of databases that are one by one as odd as those of some Airflow hooks; the data is in SQLite.

Nothing of its hook can be used but ``get_conn()``: every other method of ``DbApiHook`` raises.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from airflow.providers.common.sql.hooks.sql import DbApiHook


@dataclass(frozen=True)
class Oddity:
    """What a driver does in its own way.

    :param paramstyle: of the driver's module, by PEP 249; None: it does not say, and means ``pyformat``.
    :param row: makes a row of the values' names and the values.
    :param clob: makes a value of text.
    :param no_rows: the description of a statement that has none.
    """

    paramstyle: str | None = "pyformat"
    row: Callable[[list[str], tuple[Any, ...]], Any] = lambda names, values: values
    clob: Callable[[str], Any] = str
    capitals: bool = False
    rollback_raises: bool = False
    closes_once: bool = False
    ignores_size: bool = False
    keeps_connection: bool = False
    no_rows: list[Any] | None = None


class Row(tuple[Any, ...]):
    """As Databricks's and Spark's."""


class Clob:
    """As Oracle's: text that is to be read."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        return self._text


ODDITIES: Mapping[str, Oddity] = {
    "athena": Oddity(rollback_raises=True),
    "bigquery": Oddity(paramstyle=None, row=lambda names, values: list(values), rollback_raises=True, no_rows=[]),
    "databricks": Oddity(paramstyle="named", row=lambda names, values: Row(values), keeps_connection=True),
    "redshift": Oddity(paramstyle="format", row=lambda names, values: list(values), closes_once=True),
    "trino": Oddity(paramstyle="qmark", row=lambda names, values: list(values), rollback_raises=True),
    "mssql": Oddity(row=lambda names, values: dict(zip(names, values, strict=True))),
    "oracle": Oddity(paramstyle="named", clob=Clob, capitals=True),
    "numbered": Oddity(paramstyle="numeric", ignores_size=True, closes_once=True),
}


class Cursor:
    """PEP 249, and no more: neither a context manager nor an iterator."""

    def __init__(self, cursor: sqlite3.Cursor, oddity: Oddity) -> None:
        self._cursor, self._oddity = cursor, oddity
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, sql: str, parameters: Any = None) -> None:
        if parameters is not None:
            sql = _in_sqlites_style(sql, self._oddity.paramstyle or "pyformat")
        self._cursor.execute(sql, () if parameters is None else parameters)
        columns = self._cursor.description
        self.description = self._oddity.no_rows
        if columns is not None:
            names = [column[0].upper() if self._oddity.capitals else column[0] for column in columns]
            self.description = [(name, *[None] * 6) for name in names]

    def fetchmany(self, size: int) -> list[Any]:
        if self.description is None:
            raise RuntimeError("there is no result")
        rows = self._cursor.fetchall() if self._oddity.ignores_size else self._cursor.fetchmany(size)
        names = [column[0] for column in self.description]
        return [self._oddity.row(names, tuple(self._values(row))) for row in rows]

    def close(self) -> None:
        self._cursor.close()

    def _values(self, row: tuple[Any, ...]) -> Iterator[Any]:
        return (self._oddity.clob(value) if isinstance(value, str) else value for value in row)


class Connection:
    oddity: Oddity

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path)
        self._is_open = True

    def cursor(self) -> Cursor:
        return Cursor(self._connection.cursor(), self.oddity)

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        if self.oddity.rollback_raises:
            raise NotImplementedError("has no transactions")
        self._connection.rollback()

    def close(self) -> None:
        if self.oddity.closes_once and not self._is_open:
            raise RuntimeError("it is closed")
        self._is_open = False
        self._connection.close()


def _in_sqlites_style(sql: str, paramstyle: str) -> str:
    if paramstyle in ("format", "pyformat"):
        sql = re.sub(r"%\((\w+)\)s", r":\1", sql).replace("%s", "?").replace("%%", "%")
        assert "%(" not in sql
    return re.sub(r":(\d+)", r"?\1", sql) if paramstyle == "numeric" else sql


def _driver(name: str, oddity: Oddity) -> type[Connection]:
    """A connection's class, in a module that says which placeholders it takes."""
    module = ModuleType(f"odd_{name}")
    if oddity.paramstyle is not None:
        module.paramstyle = oddity.paramstyle  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return type("Connection", (Connection,), {"__module__": module.__name__, "oddity": oddity})


DRIVERS = {name: _driver(name, oddity) for name, oddity in ODDITIES.items()}


class OddHook(DbApiHook):
    """The host is the path of the SQLite database, and the schema says which oddity."""

    conn_type = "odd"
    hook_name = "Odd"
    conn_name_attr = "odd_conn_id"
    default_conn_name = "odd_default"
    _kept: Connection | None = None

    def get_conn(self) -> Any:
        where = self.get_connection(getattr(self, self.conn_name_attr))
        if self._kept is None or not ODDITIES[where.schema].keeps_connection:
            self._kept = DRIVERS[where.schema](where.host)
        return self._kept

    def get_uri(self) -> str:
        # Where tokens are to be kept, and the driver is not known, it says which of SQLAlchemy's dialects there is.
        assert getattr(self, self.conn_name_attr) == "tokens"
        return "odd://"


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{name} of the hook was used")

    return refuse


for _name, _member in vars(DbApiHook).items():
    if not _name.startswith("__") and _name not in vars(OddHook):
        if isinstance(_member, property):
            setattr(OddHook, _name, property(_refuse(_name)))
        elif callable(_member) or isinstance(_member, (classmethod, staticmethod)):
            setattr(OddHook, _name, _refuse(_name))
