"""The token table has an index on its tokens, whoever made it."""

from __future__ import annotations

import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone

import pytest
import sqlalchemy as sa

from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable

TOKEN = "tenant-token-0123456789"
ACME = TokenRow(user_group_id="acme", name="Acme", token=TOKEN, content_hash="1:aa")
START = datetime(2026, 3, 2, tzinfo=timezone.utc)


def indexes(engine, table):
    found = sa.inspect(engine).get_indexes(table.table.name, schema=table.table.schema)
    return [index["name"] for index in found if index["column_names"] == ["token"]]


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request, engine, postgres):
    if request.param == "sqlite":
        yield engine
        return
    engine = sa.create_engine(postgres.database(f"tokens_{time.monotonic_ns()}"))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", ["tokens", f"{'t' * 63}"])
@pytest.mark.parametrize("made_before", [False, True])
def test_a_token_is_found_by_an_index_also_in_a_table_of_an_earlier_version(any_engine, name, made_before):
    table = TokenTable(any_engine, name)
    if made_before:
        table.table.create(any_engine)
    statements = []
    sa.event.listen(any_engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    table.prepare()
    assert indexes(any_engine, table) == [f"{name[:57]}_token"]
    assert sum("CREATE INDEX" in statement for statement in statements) == 1
    table.prepare()
    assert sum("CREATE INDEX" in statement for statement in statements) == 1
    # PostgreSQL's usual index takes no text of more than 2,704 bytes.
    long = secrets.token_hex(5_000)
    table.save(replace(ACME, token=long))
    assert table.known(["acme"])["acme"].token == long


def test_an_index_of_the_owner_s_own_is_enough(engine):
    table = TokenTable(engine)
    table.table.create(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX mine ON explo_user_groups (token)")
    table.prepare()
    assert indexes(engine, table) == ["mine"]


def test_however_many_prepare_a_table_of_an_earlier_version_at_once(any_engine):
    TokenTable(any_engine).table.create(any_engine)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: TokenTable(any_engine).prepare(), range(4)))
    assert indexes(any_engine, TokenTable(any_engine)) == ["explo_user_groups_token"]


def test_without_the_right_to_make_an_index_the_table_is_used_all_the_same(postgres, caplog):
    url = postgres.database(f"tokens_{time.monotonic_ns()}")
    owner = sa.create_engine(url)
    TokenTable(owner).table.create(owner)
    with owner.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS writer")
        connection.exec_driver_sql("CREATE ROLE writer LOGIN")
        connection.exec_driver_sql("GRANT SELECT, INSERT, UPDATE ON explo_user_groups TO writer")
    writer = sa.create_engine(url.set(username="writer"))
    with caplog.at_level(logging.INFO), TokenTable(writer) as table:
        table.prepare()
        table.save(ACME)
    assert "CREATE INDEX explo_user_groups_token ON explo_user_groups USING hash (token)" in caplog.text
    assert "must be owner of table explo_user_groups" in caplog.text
    with owner.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY writer")
        connection.exec_driver_sql("DROP ROLE writer")
    owner.dispose()
