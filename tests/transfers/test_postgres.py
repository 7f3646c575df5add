"""What only a database server does: rights, constraints, cursors, and going away in the middle of a run."""

from __future__ import annotations

import json
import threading
import time

import pytest
import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError, ExploError
from airflow_provider_explo.sql.engine import Database
from airflow_provider_explo.sql.rejects_table import RejectsTable
from airflow_provider_explo.sql.tenant_query import TenantQuery
from airflow_provider_explo.sync import save
from airflow_provider_explo.token_table import TokenTable
from tests.conftest import metadata_rows_with

SQL = "SELECT 'tenant-' || n AS user_group_id, 'Tenant ' || n AS name FROM generate_series(1, {}) AS n"
COLUMNS = (
    "user_group_id VARCHAR(255) PRIMARY KEY, name VARCHAR(255), token {token}, content_hash VARCHAR(80), "
    "explo_conn_id VARCHAR(255), created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ"
)


@pytest.fixture
def warehouse_on_postgres(postgres, monkeypatch):
    url = postgres.database(f"warehouse_{time.monotonic_ns()}")

    def connect_as(login):
        extra = {"conn_type": "postgres", "host": url.query["host"], "login": login, "schema": url.database}
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(extra))

    connect_as(url.username)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    engine.connect_as = connect_as
    yield engine
    engine.dispose()


@pytest.fixture
def execute(warehouse_on_postgres):
    def run(sql):
        with warehouse_on_postgres.connect() as connection:
            result = connection.execute(sa.text(sql))
            return result.all() if result.returns_rows else None

    return run


def in_the_middle(emulator, act):
    """Do something once some calls were made."""

    def wait_and_act():
        until = time.monotonic() + 120
        while emulator.request_count < 10 and time.monotonic() < until:
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait_and_act, daemon=True)
    thread.start()
    return thread


def test_rows_wait_on_a_cursor_in_the_database(warehouse_on_postgres, execute):
    chunks = TenantQuery(Database("warehouse"), SQL.format(100_000)).chunks()
    first = next(chunks)
    assert len(first) == 500
    assert first[0] == {"user_group_id": "tenant-1", "name": "Tenant 1"}
    (state,) = execute("SELECT state FROM pg_stat_activity WHERE query LIKE 'FETCH FORWARD%'")
    assert state == ("idle in transaction",)
    chunks.close()


def test_text_in_no_encoding_rejects_its_row_or_is_named_by_its_number(airflow_home, postgres, monkeypatch):
    name = f"ascii_{time.monotonic_ns()}"
    postgres.sql(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    url = postgres.database(f"{name}_beside")
    connection = {"conn_type": "postgres", "host": url.query["host"], "login": url.username, "schema": name}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    database = Database("warehouse")
    name_of = r"CASE WHEN n = 700 THEN E'caf\351' ELSE 'cafe' END"
    chunks = TenantQuery(database, f"SELECT n AS user_group_id, {name_of} AS name FROM generate_series(1, 1000) AS n")
    if type(database.connect()).__module__.startswith("psycopg2"):
        with pytest.raises(ExploConfigError, match=r"row 700: UnicodeDecodeError\n  fix: .*cast them to text"):
            list(chunks.chunks())
    else:
        rows = [row for chunk in chunks.chunks() for row in chunk]
        assert (rows[698]["name"], rows[699]["name"]) == ("cafe", "caf\udce9")


def test_a_query_that_is_too_slow_is_left_to_a_retry(warehouse_on_postgres, monkeypatch, airflow_home):
    url = warehouse_on_postgres.url
    connection = {"conn_type": "postgres", "host": url.query["host"], "login": url.username, "schema": url.database}
    extra = {"options": "-c statement_timeout=50"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({**connection, "extra": extra}))
    slow = TenantQuery(Database("warehouse"), f"{SQL.format(1)} WHERE pg_sleep(1) IS NOT NULL")
    with pytest.raises(ExploError, match=r"statement timeout\n  fix: .*safe to retry") as caught:
        list(slow.chunks())
    assert type(caught.value) is ExploError


def test_a_user_who_may_only_read_is_told_before_any_call(
    bulk, warehouse_on_postgres, execute, postgres, explo_connection
):
    bulk(sql=SQL.format(1))
    explo_connection.clear_requests()
    role = f"reader_{time.monotonic_ns()}"
    postgres.sql(f"CREATE ROLE {role} LOGIN")
    execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    warehouse_on_postgres.connect_as(role)
    run = bulk(sql=SQL.format(2))
    assert run.state == "failed"
    assert "writing to it: permission denied for table explo_user_groups" in run.log
    assert f"found: {role} is the user of connection 'warehouse'" in run.log
    assert f"fix: GRANT SELECT, INSERT, UPDATE, DELETE ON explo_user_groups TO {role}\n" in run.log
    run = bulk(sql=SQL.format(2), token_table="another")
    assert "creating it: permission denied for schema public" in run.log
    assert f"fix: GRANT CREATE ON SCHEMA public TO {role}\n" in run.log
    assert explo_connection.request_count == 0
    assert bulk(sql=SQL.format(2), dry_run=True).state == "success"
    execute("CREATE TABLE secret (user_group_id TEXT, name TEXT)")
    run = bulk(sql="SELECT user_group_id, name FROM secret", dry_run=True)
    assert "reading the tenants from connection 'warehouse': permission denied for table secret" in run.log
    assert f"fix: GRANT SELECT ON the tables of the query TO {role}\n" in run.log
    # The message's own statements are enough.
    execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON explo_user_groups TO {role}")
    execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    assert bulk(sql=SQL.format(2)).state == "success"
    assert bulk(sql=SQL.format(2), token_table="another").state == "success"


@pytest.mark.parametrize("token", ["INTEGER", "BYTEA"])
def test_a_token_column_of_another_type_is_told_before_any_call(bulk, execute, explo_connection, token):
    execute(f"CREATE TABLE explo_user_groups ({COLUMNS.format(token=token)})")
    run = bulk(sql=SQL.format(1))
    assert run.state == "failed"
    assert f"token is of type {token}" in run.log
    assert explo_connection.request_count == 0


def test_a_row_that_the_database_refuses_fails_alone_and_its_token_is_not_shown(bulk, execute, explo_connection):
    execute(f"CREATE TABLE explo_user_groups ({COLUMNS.format(token='TEXT')}, CHECK (name <> 'Tenant 7'))")
    run = bulk(sql=SQL.format(20))
    assert run.state == "failed"
    summary = run.xcom("onboard")
    assert (summary["created"], summary["failed"]) == (19, 1)
    assert "violates check constraint" in summary["problems"][0]["examples"][0]["reason"]
    tokens = {group.provided_id: group.token for group in explo_connection.groups}
    assert dict(execute("SELECT user_group_id, token FROM explo_user_groups")) == {
        tenant: token for tenant, token in tokens.items() if tenant != "tenant-7"
    }
    for token in tokens.values():
        assert token not in run.log
        assert metadata_rows_with(token) == set()


def test_connections_that_break_in_mid_run_are_made_anew(bulk, execute, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=6000))
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
    killer = in_the_middle(explo_connection, lambda: execute(kill))
    run = bulk(sql=SQL.format(100))
    killer.join()
    assert run.state == "success", run.log
    assert len(execute("SELECT 1 FROM explo_user_groups")) == 100


def test_a_database_that_goes_away_in_mid_run_keeps_what_was_saved_and_the_next_run_goes_on(
    bulk, warehouse_on_postgres, execute, postgres, explo_connection, monkeypatch
):
    monkeypatch.setattr(save, "SAVE_BACKOFF", (0.1, 0.1))
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=6000))
    name = warehouse_on_postgres.url.database

    def lock_out():
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    locking = in_the_middle(explo_connection, lock_out)
    run = bulk(sql=SQL.format(300))
    locking.join()
    assert run.state == "failed"
    assert "rows already saved are kept" in run.log
    postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    warehouse_on_postgres.dispose()
    saved = dict(execute("SELECT user_group_id, token FROM explo_user_groups"))
    assert 0 < len(saved) < 300
    before = explo_connection.request_count
    assert bulk(sql=SQL.format(300)).state == "success"
    again = {request.user_group_id for request in explo_connection.requests[before:]}
    assert again.isdisjoint(saved)
    tokens = {group.provided_id: group.token for group in explo_connection.groups}
    assert dict(execute("SELECT user_group_id, token FROM explo_user_groups")) == tokens
    for token in tokens.values():
        assert token not in run.log


@pytest.mark.parametrize("kind", ["tokens", "rejects"])
def test_tasks_that_begin_together_make_one_table(warehouse_on_postgres, kind):
    url = warehouse_on_postgres.url
    errors = []

    def make(number, name, together):
        engine = sa.create_engine(url)
        together.wait(10)
        try:
            if kind == "tokens":
                TokenTable(engine, name).prepare()
            else:
                RejectsTable(engine, name, task=f"task {number}").prepare()
        except Exception as error:
            errors.append(error)
        finally:
            engine.dispose()

    for again in range(10):
        together = threading.Barrier(8)
        threads = [threading.Thread(target=make, args=(n, f"{kind}_{again}", together)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
