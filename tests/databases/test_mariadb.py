"""MariaDB with each driver of Airflow's hook, and what it does with text that others keep as it is."""

from __future__ import annotations

import pytest

from airflow_provider_explo.emulator import Fault
from tests.databases import scenario
from tests.databases.mariadb import DRIVERS, Database

# Pairs that MySQL's default collations take for the same, or that utf8mb3 cannot hold.
IDS = ["ACME", "acme", "café", "cafe", "🎉", "🚀", "straße", "strasse", "日本"]
TOKEN_COLUMNS = (
    "user_group_id VARCHAR(255) PRIMARY KEY, name VARCHAR(255), token TEXT, content_hash VARCHAR(80), "
    "explo_conn_id VARCHAR(255), created_at DATETIME(6), updated_at DATETIME(6)"
)
pytestmark = pytest.mark.parametrize("driver", DRIVERS)


@pytest.fixture
def database(mariadb, driver):
    return Database(mariadb, driver)


def test_a_run_that_is_killed_and_run_again(start, explo, database):
    database.put(*scenario.tenants())
    scenario.check(lambda **more: start(database.environment, **more), explo, database.tokens)


def test_ids_that_the_server_would_take_for_the_same(start, explo, database):
    database.execute("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    database.put(*((name, f"Tenant {name}", '{"40": "213"}', '{"a": "🎉"}') for name in IDS))
    for _ in range(2):
        summary = scenario.finished(start(database.environment, sql=scenario.SQL))
        assert summary["created"] + summary["unchanged"] == len(IDS)
        assert database.tokens() == scenario.tokens_in(explo)
    assert sorted(scenario.tokens_in(explo)) == sorted(IDS)


def test_ids_with_spaces_at_their_ends_are_rejected(start, explo, database):
    database.put(*((name, "Tenant", None, None) for name in ("acme", "acme ", " acme", "acme\u00a0")))
    summary = scenario.finished(start(database.environment, sql=scenario.SQL, on_rejected="skip"))
    assert (summary["created"], summary["rejected"]) == (1, 3)
    assert database.tokens() == scenario.tokens_in(explo)


def test_json_columns(start, explo, database):
    database.put(("acme", "Acme", '{"40": "213"}', '{"big": 9007199254740993}'), ("none", "None", None, None))
    assert scenario.finished(start(database.environment, sql=scenario.SQL))["created"] == 2
    (group,) = [group for group in explo.groups if group.provided_id == "acme"]
    assert (group.mapping, group.properties) == ({"40": "213"}, {"big": 9007199254740993})
    assert scenario.finished(start(database.environment, sql=scenario.SQL))["unchanged"] == 2


def test_a_token_table_that_cannot_hold_every_id_holds_none_under_another(start, explo, mariadb, driver):
    """In utf8mb3, without strict mode, the server itself would store each emoji as a question mark."""
    database = Database(mariadb, driver, charset="utf8mb3")
    database.execute(f"CREATE TABLE explo_user_groups ({TOKEN_COLUMNS}) COLLATE utf8mb3_bin")
    database.execute("CREATE TABLE tenants (tenant_id VARCHAR(99), name VARCHAR(99)) CHARACTER SET utf8mb4")
    database.execute("INSERT INTO tenants VALUES (%s, 'Tenant')", [(name,) for name in ("acme", "🎉", "🚀")])
    sql = "SELECT tenant_id AS user_group_id, name FROM tenants"
    log = scenario.failed(start(database.environment, sql=sql))
    assert "1 created, 0 existing" in log
    assert "2 failed" in log
    assert database.tokens() == {"acme": scenario.tokens_in(explo)["acme"]}


def test_two_tasks_at_once(start, explo, database):
    """Each has all tenants to make; no token is lost, and none doubled."""
    database.put(*scenario.tenants()[:300])
    children = [start(database.environment, sql=scenario.SQL, on_rejected="skip") for _ in range(2)]
    for child in children:
        summary = scenario.finished(child)
        assert summary["failed"] == 0
        assert summary["rejected"] == 3
    assert len(explo.groups) == 297
    assert database.tokens() == scenario.tokens_in(explo)


def test_a_connection_that_was_idle_for_too_long(start, explo, database):
    """The list takes Explo longer than the server waits for a connection, and so does a request."""
    database.put(("a", "A", None, None), ("b", "B", None, None))
    explo.inject(Fault("slow", seconds=3, path="/customers/"))
    explo.inject(Fault("slow", seconds=3, path="_user_group"))
    assert scenario.finished(start(database.environment, sql=scenario.SQL, max_in_flight=1))["created"] == 2
    assert database.tokens() == scenario.tokens_in(explo)
