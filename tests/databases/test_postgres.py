"""PostgreSQL with both drivers, roles with few rights and little time, and TLS that is demanded or not to be had."""

from __future__ import annotations

import pytest

from tests.databases import scenario
from tests.databases.postgres import DRIVERS, WRITER, Database
from tests.databases.servers import PgBouncer

TOKENS = {"token_conn_id": "tokens", "token_table": "secret.explo_user_groups"}
ONE = "SELECT 'acme' AS user_group_id, 'Acme' AS name"
pytestmark = pytest.mark.parametrize("driver", DRIVERS)


@pytest.fixture
def database(server):
    return Database(server)


@pytest.fixture(scope="session")
def with_tls(server, folder, certificates):
    """The same server behind TLS, which pgbouncer speaks: the wheel's PostgreSQL is built without."""
    below = folder / "tls"
    below.mkdir()
    proxy = PgBouncer(
        below, server_port=server.port, users=["reader", WRITER], mode="session", certificates=certificates
    )
    yield proxy
    proxy.stop()


def test_a_run_that_is_killed_and_run_again(start, explo, database, driver):
    """Both roles may not be idle in a transaction, or in a statement, for longer than 2 seconds; the run takes more."""
    database.put(scenario.tenants())
    environment = database.environment(driver)
    scenario.check(lambda **more: start(environment, **TOKENS, **more), explo, database.tokens)


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_tls_that_is_demanded(start, explo, database, driver, with_tls, certificates, mode):
    extra = {"sslmode": mode, "sslrootcert": str(certificates.authority)}
    environment = database.environment(driver, port=with_tls.port, **extra)
    assert scenario.finished(start(environment, sql=ONE, **TOKENS))["created"] == 1
    assert database.tokens() == scenario.tokens_in(explo)


@pytest.mark.parametrize("end", ["warehouse", "tokens"])
def test_a_server_without_the_tls_that_is_demanded_is_refused(start, explo, database, driver, end):
    """In clear, nothing is read and no token is written."""
    name = f"AIRFLOW_CONN_{end.upper()}"
    environment = database.environment(driver)
    environment[name] = database.environment(driver, sslmode="require")[name]
    assert "server does not support SSL" in scenario.failed(start(environment, sql=ONE, **TOKENS))
    assert explo.groups == []


def test_a_certificate_of_an_unknown_authority_is_refused(start, explo, database, driver, with_tls, tmp_path):
    from tests.databases.servers import Certificates

    extra = {"sslmode": "verify-full", "sslrootcert": str(Certificates(tmp_path).authority)}
    environment = database.environment(driver, port=with_tls.port, **extra)
    assert "certificate verify failed" in scenario.failed(start(environment, sql=ONE, **TOKENS))
    assert explo.groups == []


def test_a_server_that_speaks_nothing_but_tls_is_not_reached_in_clear(start, explo, database, driver, with_tls):
    environment = database.environment(driver, port=with_tls.port, sslmode="disable")
    assert "SSL required" in scenario.failed(start(environment, sql=ONE, **TOKENS))
    assert explo.groups == []


def test_the_connections_options_are_obeyed(start, explo, database, driver):
    """``search_path`` says where the token table is, and ``application_name`` who made it."""
    environment = database.environment(driver, options="-c search_path=secret", application_name="explo-tokens")
    environment["AIRFLOW_CONN_WAREHOUSE"] = database.environment(driver)["AIRFLOW_CONN_WAREHOUSE"]
    database.execute("CREATE TABLE secret.seen (application TEXT)")
    database.execute(f"GRANT INSERT ON secret.seen TO {WRITER}")
    summary = scenario.finished(start(environment, sql=ONE, token_conn_id="tokens"))
    assert summary["created"] == 1
    assert database.tokens() == scenario.tokens_in(explo)


def test_the_role_of_the_query_may_only_read(start, explo, database, driver):
    log = scenario.failed(start(database.environment(driver), sql=ONE))
    assert "read-only transaction" in log or "permission denied" in log
    assert explo.groups == []


def test_a_query_that_takes_longer_than_its_role_may(start, explo, database, driver):
    log = scenario.failed(start(database.environment(driver), sql=f"{ONE} FROM pg_sleep(5)", **TOKENS))
    assert "statement timeout" in log
    assert explo.groups == []
