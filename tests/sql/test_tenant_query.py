"""The source: DB-API connections of any hook, whatever their rows, cursors and errors look like."""

from __future__ import annotations

import http.client
import json
import socket
import sqlite3
import ssl
from types import SimpleNamespace

import pytest
import requests

from airflow_provider_explo.exceptions import ExploConfigError, ExploError
from airflow_provider_explo.sql.engine import Database
from airflow_provider_explo.sql.errors import to_explo_error
from airflow_provider_explo.sql.tenant_query import TenantQuery

SQL = "SELECT user_group_id, name FROM tenants"


@pytest.fixture
def database(airflow_home, tmp_path, monkeypatch):
    path = tmp_path / "source.db"
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tenants (user_group_id TEXT, name TEXT)")
        connection.executemany("INSERT INTO tenants VALUES (?, ?)", [(f"t{n}", f"Tenant {n}") for n in range(5)])
    connection.close()
    return Database("source")


class Driver:
    """A connection of the database through which another driver's ways can be seen."""

    label = "connection 'source'"

    def __init__(self, database, *, row=lambda row: row, capitals=False, fail_at=None):
        self._database, self._row, self._capitals, self._fail_at = database, row, capitals, fail_at
        self.closed = 0

    def connect(self):
        self._connection = self._database.connect()
        return self

    def cursor(self):
        self._cursor = self._connection.cursor()
        self._fetched = 0
        return self

    def execute(self, *arguments):
        self._cursor.execute(*arguments)

    @property
    def description(self):
        return [(name.upper() if self._capitals else name, *more) for name, *more in self._cursor.description]

    def fetchmany(self, size):
        rows = self._cursor.fetchmany(size)
        if self._fail_at is not None and self._fetched + len(rows) >= self._fail_at[0]:
            raise self._fail_at[1]
        self._fetched += len(rows)
        return tuple(self._row(row) for row in rows)

    def close(self):
        self.closed += 1
        self._cursor.close()
        self._connection.close()


def rows(source, sql=SQL, **arguments):
    return [row for chunk in TenantQuery(source, sql, **arguments).chunks() for row in chunk]


@pytest.mark.parametrize(
    "row",
    [
        tuple,
        list,
        lambda row: dict(zip(["USER_GROUP_ID", "NAME"], row, strict=True)),
        lambda row: [v.encode() for v in row],
    ],
)
def test_rows_of_any_kind_and_columns_of_any_case(database, row):
    expected = [{"user_group_id": f"t{n}", "name": f"Tenant {n}"} for n in range(5)]
    assert rows(Driver(database, row=row, capitals=True), chunk_size=2) == expected


@pytest.mark.parametrize(
    "error",
    [
        KeyError("Tenant 3"),
        TypeError("Tenant 3"),
        ValueError("year -43 is out of range in Tenant 3"),
        OverflowError("Tenant 3"),
        UnicodeDecodeError("utf-8", b"Tenant 3 \xe9", 9, 10, "Tenant 3"),
        sqlite3.DataError("value too long: 'Tenant 3'"),
    ],
)
def test_a_row_that_the_driver_cannot_read_is_named_by_its_number_and_not_shown(database, error):
    with pytest.raises(
        ExploConfigError, match=r"row 3 or one of the 1 after it: .*\n  fix: .*cast them to text"
    ) as caught:
        rows(Driver(database, fail_at=(3, error)), chunk_size=2)
    assert str(caught.value).startswith("sql: ")
    assert "Tenant 3" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    "error", [ConnectionResetError("away"), TimeoutError("slow"), sqlite3.OperationalError("database is locked")]
)
def test_what_may_pass_is_left_to_a_retry(database, error):
    with pytest.raises(ExploError, match="safe to retry") as caught:
        rows(Driver(database, fail_at=(3, error)), chunk_size=2)
    assert type(caught.value) is ExploError


@pytest.mark.parametrize("ends", [0, 1, 9])
def test_a_connection_is_closed_however_it_ends(database, ends):
    source = Driver(database)
    chunks = TenantQuery(source, SQL, chunk_size=1).chunks()
    for _ in zip(range(ends), chunks, strict=False):
        pass
    chunks.close()
    assert bool(source.closed) is (ends > 0)


def test_text_that_is_not_utf8_is_a_row_among_others(database):
    with sqlite3.connect(f"{database._hook.get_connection('source').host}") as connection:
        connection.execute("INSERT INTO tenants VALUES ('latin', CAST(X'436166E9' AS TEXT))")
    connection.close()
    assert rows(database)[-1] == {"user_group_id": "latin", "name": "Caf\udce9"}


@pytest.mark.parametrize(
    ("sql", "parameters", "words"),
    [
        ("SELECT nowhere FROM tenants", None, "no such column: nowhere"),
        (f"{SQL} WHERE name = ?", ["a", "b"], "Incorrect number of bindings"),
        (f"{SQL} WHERE name = ?", [object()], "Error binding parameter 1: type … is not supported"),
        ("DELETE FROM tenants", None, "the statement returns no rows"),
    ],
)
def test_what_is_wrong_with_the_query_is_final_and_named(database, sql, parameters, words):
    with pytest.raises(ExploConfigError, match=f"^sql: .*{words}"):
        rows(database, sql, parameters=parameters)
    assert len(rows(database)) == 5


class DatabaseError(Exception):
    """As PEP 249 has it."""


class OperationalError(DatabaseError):
    """MySQL's drivers have this for a column that does not exist, too."""


OperationalError.__module__ = "MySQLdb"


@pytest.mark.parametrize(
    ("code", "text", "transient"),
    [
        (2006, "Server has gone away", True),
        (1213, "Deadlock found", True),
        (1054, "Unknown column 'x' in 'field list'", False),
        (1142, "SELECT command denied to user 'r'@'h' for table 't'", False),
    ],
)
def test_errors_of_mysql_are_told_apart_by_their_code(code, text, transient):
    error = to_explo_error(OperationalError(code, text), "sql")
    assert (type(error) is ExploError) is transient
    assert str(error).splitlines()[0] == f"sql: {text}"


class ProgrammingError(DatabaseError):
    """As Snowflake's, for a value that it cannot convert."""

    sqlstate = "22018"


class InvalidInputException(DatabaseError):
    """As DuckDB's, for JSON that it cannot read."""


@pytest.mark.parametrize(
    "error",
    [
        ProgrammingError("Numeric value 'hunter2' is not recognized"),
        InvalidInputException('Malformed JSON at byte 1 of input. Input: "{hunter2"'),
        DatabaseError("Could not parse 'hunter2' in column \"NAME\""),
    ],
)
def test_what_a_message_quotes_is_of_the_query_or_not_shown(error):
    for row in (None, "row 7"):
        shown = str(to_explo_error(error, "sql", row=row, query="SELECT name FROM tenants"))
        assert "hunter2" not in shown
    assert '"NAME"' in shown or type(error) is not DatabaseError


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(-3, "Temporary failure in name resolution"),
        OSError(113, "No route to host"),
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
        EOFError(),
        http.client.IncompleteRead(b"x"),
        requests.exceptions.ReadTimeout("https://warehouse/?token=hunter2"),
        requests.exceptions.HTTPError("503 for https://warehouse/?token=hunter2"),
    ],
)
def test_a_network_that_fails_is_left_to_a_retry(error):
    shown = to_explo_error(error, "sql", row="row 7", query="SELECT 1")
    assert type(shown) is ExploError
    assert "row 7" not in str(shown)
    assert "hunter2" not in str(shown)


@pytest.mark.parametrize("uri", [None, "nonsense", NotImplementedError("no URI"), KeyError("host")])
def test_a_database_without_a_dialect_is_named_with_what_to_do(database, monkeypatch, uri):
    def get_uri():
        if isinstance(uri, Exception):
            raise uri
        return uri

    monkeypatch.setattr(
        database, "_hook", SimpleNamespace(get_conn=lambda: SimpleNamespace(close=lambda: None), get_uri=get_uri)
    )
    with pytest.raises(ExploConfigError, match=r"(?s)connection 'source': .*another database in token_conn_id"):
        _ = database.engine


def test_a_value_that_cannot_be_read_is_of_a_row(database):
    class Lob:
        def read(self):
            raise ValueError("hunter2")

    with pytest.raises(ExploConfigError, match=r"row 2: ValueError\n") as caught:
        rows(Driver(database, row=lambda row: [row[0], Lob()] if row[0] == "t1" else row))
    assert "hunter2" not in str(caught.value)
