"""pgbouncer in transaction mode, as in front of most PostgreSQL servers that are not small: a session is nobody's."""

from __future__ import annotations

import pytest

from tests.databases import scenario
from tests.databases.postgres import DRIVERS, Database
from tests.databases.servers import PgBouncer

TOKENS = {"token_conn_id": "tokens", "token_table": "secret.explo_user_groups"}
pytestmark = pytest.mark.parametrize("driver", DRIVERS)


@pytest.fixture(scope="session")
def pgbouncer(server, folder):
    below = folder / "pgbouncer"
    below.mkdir()
    proxy = PgBouncer(below, server_port=server.port, users=["reader", "writer"], mode="transaction")
    yield proxy
    proxy.stop()


@pytest.fixture
def database(server):
    return Database(server)


def test_a_run_that_is_killed_and_run_again(start, explo, database, driver, pgbouncer):
    database.put(scenario.tenants())
    environment = database.environment(driver, port=pgbouncer.port)
    scenario.check(lambda **more: start(environment, **TOKENS, **more), explo, database.tokens)


def test_tasks_at_once_share_no_statement(start, explo, database, driver, pgbouncer):
    """Each with a table of its own, over the same few connections to PostgreSQL."""
    sql = "SELECT '{0}-' || n AS user_group_id, 'Tenant' AS name FROM generate_series(1, 300) n"
    environment = database.environment(driver, port=pgbouncer.port)
    names = ("a", "b", "c")
    children = [
        start(environment, sql=sql.format(name), token_conn_id="tokens", token_table=f"secret.{name}") for name in names
    ]
    assert [scenario.finished(child)["created"] for child in children] == [300] * 3
    for name in names:
        expected = {tenant: token for tenant, token in scenario.tokens_in(explo).items() if tenant.startswith(name)}
        assert database.tokens(f"secret.{name}") == expected
