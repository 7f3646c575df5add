"""The token table on SQLite: one row a tenant, however many save it, and no token in what is logged or raised."""

from __future__ import annotations

import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable
from tests.errors import everything_shown, failure

TOKEN = "tenant-token-0123456789"
ACME = TokenRow(user_group_id="acme", name="Acme", token=TOKEN, content_hash="1:aa")
START = datetime(2026, 3, 2, tzinfo=timezone.utc)


class Clock:
    """A clock that moves on by a minute at every look."""

    def __init__(self):
        self.now = START

    def __call__(self):
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def table(engine):
    table = TokenTable(engine, now=Clock())
    table.create_if_missing()
    return table


def rows(path, name="explo_user_groups"):
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY user_group_id")]


def test_a_row_has_token_hash_and_times(table, path):
    table.save(ACME)
    (row,) = rows(path)
    assert list(row) == [
        "user_group_id",
        "name",
        "token",
        "content_hash",
        "explo_conn_id",
        "created_at",
        "updated_at",
    ]
    assert (row["user_group_id"], row["token"], row["content_hash"]) == ("acme", TOKEN, "1:aa")
    assert row["created_at"] == row["updated_at"]
    assert table.known(["acme", "other"]) == {"acme": ACME}


def test_the_same_row_again_is_left_alone(table, path):
    table.save(ACME)
    before = rows(path)
    table.save(ACME)
    assert rows(path) == before


def test_another_token_updates_the_row_and_keeps_when_it_was_made(table, path):
    table.save(ACME)
    (before,) = rows(path)
    table.save(TokenRow(user_group_id="acme", name="Acme AG", token="other", content_hash="1:bb"))
    (row,) = rows(path)
    assert (row["name"], row["token"], row["content_hash"]) == ("Acme AG", "other", "1:bb")
    assert row["created_at"] == before["created_at"]
    assert row["updated_at"] > before["updated_at"]


def test_the_table_is_made_once_by_however_many(engine):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: TokenTable(engine).create_if_missing(), range(8)))
    assert sa.inspect(engine).has_table("explo_user_groups")


def test_twins_that_save_the_same_tenants_leave_one_row_each(table, engine, path):
    tenants = [TokenRow(user_group_id=f"t{n}", name="T", token=f"token-{n}", content_hash="1:aa") for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(TokenTable(engine).save, tenants * 4))
    assert [(row["user_group_id"], row["token"]) for row in rows(path)] == sorted(
        (tenant.user_group_id, tenant.token) for tenant in tenants
    )


def test_a_row_that_came_between_look_and_insert_is_updated(table, engine, path):
    class Late(TokenTable):
        def _known(self, connection, user_group_ids):
            found = super()._known(connection, user_group_ids)
            table.save(ACME)
            return found

    Late(engine).save(TokenRow(user_group_id="acme", name="Acme", token="newer", content_hash="1:bb"))
    (row,) = rows(path)
    assert row["token"] == "newer"


@pytest.mark.parametrize("name", ["explo_user_groups", "main.tokens", "_t$1"])
def test_plain_names_are_taken(engine, name):
    table = TokenTable(engine, name)
    table.create_if_missing()
    table.save(ACME)
    assert table.known(["acme"]) == {"acme": ACME}


@pytest.mark.parametrize("name", ["", "a b", "a;DROP TABLE b", 'a"b', "a.b.c", ".a", "1a", "a" * 64, "tabelle\n"])
def test_other_names_are_refused(engine, name):
    with pytest.raises(ExploConfigError, match="token table"):
        TokenTable(engine, name)


def test_tokens_stay_out_of_reprs_logs_and_errors(engine, caplog, path):
    assert TOKEN not in repr(ACME)
    engine.echo = True
    table = TokenTable(engine)
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(ExploConfigError, match="no such table") as caught:
            table.save(ACME)
        table.create_if_missing()
        table.save(ACME)
    assert "INSERT INTO explo_user_groups" in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN not in str(caught.value)
    # The driver's error may show the row.
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


@pytest.mark.parametrize("interrupted", [False, True])
def test_tokens_stay_out_of_the_frames_of_errors(engine, interrupted):
    table = TokenTable(engine)
    if interrupted:
        table.create_if_missing()
        sa.event.listen(engine, "before_cursor_execute", interrupt)
    error = failure(lambda: table.save(ACME))
    assert isinstance(error, KeyboardInterrupt if interrupted else ExploConfigError)
    assert TOKEN not in everything_shown(error)


def interrupt(connection, cursor, statement, *_):
    if statement.startswith("INSERT"):
        raise KeyboardInterrupt


def test_a_database_that_confuses_two_tenants_never_gives_one_the_other_s_token(engine, path):
    columns = "name TEXT, token TEXT, content_hash TEXT, explo_conn_id TEXT, created_at TIMESTAMP, updated_at TIMESTAMP"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE explo_user_groups (user_group_id TEXT COLLATE NOCASE PRIMARY KEY, {columns})")
    table = TokenTable(engine)
    table.save(ACME)
    shouting = TokenRow(user_group_id="ACME", name="ACME", token="another-token", content_hash="1:bb")
    with pytest.raises(ExploConfigError, match=r"(?s)'acme'.*collation"):
        table.save(shouting)
    (row,) = rows(path)
    assert (row["user_group_id"], row["token"]) == ("acme", TOKEN)


def test_many_tenants_are_looked_up_and_saved_at_once(table, path):
    many = [TokenRow(user_group_id=f"t{n:04}", name="T", token=f"token-{n}", content_hash="1:aa") for n in range(1200)]
    table.save_all(many)
    table.save_all(many[:3])
    assert table.known([row.user_group_id for row in many] + ["other"]) == {row.user_group_id: row for row in many}
    assert table.count() == 1200
    assert [row for page in table.pages(100) for row in page] == many
    assert len(rows(path)) == 1200


def test_a_database_that_confuses_two_tokens_refuses_neither(engine, path):
    columns = "name TEXT, token TEXT COLLATE NOCASE, content_hash TEXT, explo_conn_id TEXT"
    with closing(sqlite3.connect(path)) as connection:
        times = "created_at TIMESTAMP, updated_at TIMESTAMP"
        connection.execute(f"CREATE TABLE explo_user_groups (user_group_id TEXT PRIMARY KEY, {columns}, {times})")
    table = TokenTable(engine)
    table.save_all([ACME, replace(ACME, user_group_id="other", token=TOKEN.upper())])
    table.save(replace(ACME, user_group_id="third", token=TOKEN.title()))
    assert table.count() == 3


def test_a_connection_of_no_sql_database_is_refused(monkeypatch, airflow_home):
    monkeypatch.setenv("AIRFLOW_CONN_NO_DATABASE", "explo://:token@")
    with pytest.raises(ExploConfigError, match="SQL database"):
        TokenTable.of_connection("no_database")


def test_a_connection_that_breaks_while_the_table_is_read_is_replaced(postgres):
    """Between the pool's look at it and the query, where the look cannot help."""
    table = TokenTable(sa.create_engine(postgres.database(f"tokens_{time.monotonic_ns()}"), pool_pre_ping=True))
    table.create_if_missing()
    broken = []

    def read(connection):
        if not broken:
            broken.append(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar())
            postgres.sql(f"SELECT pg_terminate_backend({broken[0]})")
        return connection.exec_driver_sql("SELECT 1").scalar()

    with table:
        assert table.read(read) == 1
    assert len(broken) == 1
