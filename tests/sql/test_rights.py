"""A right that is missing, as drivers say it."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace

import pytest

from airflow_provider_explo.sql.rights import is_denied, lacking


class DriverError(Exception):
    sqlstate: str | None = None


@pytest.mark.parametrize(
    ("state", "arguments", "denied"),
    [
        ("42501", ("permission denied for table t",), True),
        ("42P01", ("no such table",), False),
        (None, (1142, "INSERT command denied to user 'a'@'h' for table 't'"), True),
        (None, (1146, "Table 't' does not exist"), False),
        (None, (), False),
    ],
)
def test_a_driver_says_so_by_its_code(state, arguments, denied):
    error = DriverError(*arguments)
    error.sqlstate = state
    assert is_denied(error) is denied


def test_a_user_of_mysql_is_quoted_with_its_host():
    database = sqlite3.connect(":memory:")
    cursor = SimpleNamespace(execute=lambda sql: None, fetchone=lambda: ("airflow@%",), close=lambda: None)
    connection = SimpleNamespace(cursor=lambda: cursor, close=database.close)
    details = lacking(DriverError("denied"), lambda: connection, "warehouse", grant="SELECT ON t")
    assert details == {
        "found": "airflow@% is the user of connection 'warehouse'",
        "fix": "GRANT SELECT ON t TO 'airflow'@'%'",
    }


def test_a_database_that_does_not_say_its_user_is_no_second_error():
    details = lacking(DriverError("denied"), lambda: sqlite3.connect(":memory:"), None, grant="SELECT ON t")
    assert details == {"found": "its_user is the user of the connection", "fix": "GRANT SELECT ON t TO its_user"}
