"""A tenant that Explo cannot digest keeps nobody else out, and costs little; an Explo that is away ends the run."""

from __future__ import annotations

import time

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import ExploUnavailableError


@pytest.fixture
def connect(explo_connection, monkeypatch):
    """Set the connection's extra."""

    def set_extra(**extra):
        connection = explo_connection.connection_json(**{"requests_per_minute": 60_000, **extra})
        monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)

    return set_extra


@pytest.mark.slow
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"status": 429, "retry_after": 0}])
def test_eight_bad_neighbours_starve_nobody(sync, database, explo_connection, connect, fault):
    connect(retry_timeout=3)
    database.put(*((f"t{number:02}", "T") for number in range(27)))
    for number in range(8):
        explo_connection.inject(Fault("status", user_group_id=f"t{number:02}", times=None, **fault))
    run = sync(max_in_flight=1, rejects_table="explo_rejects")
    assert run.counts == {"created": 19, "failed": 8}
    assert [cause["count"] for cause in run.summary["problems"]] == [8]
    problems = {row["user_group_id"]: row["reason"] for row in database.rows("explo_rejects")}
    assert set(problems) == {f"t{number:02}" for number in range(8)}
    for name, reason in problems.items():
        assert not [other for other in problems if other != name and f"'{other}'" in reason]


def test_failing_tenants_hold_no_thread(sync, database, explo_connection, connect):
    connect(requests_per_minute=6000, retry_timeout=3)
    database.put(*((f"t{number:03}", "T") for number in range(200)))
    for number in range(0, 200, 10):
        explo_connection.inject(Fault("status", status=500, user_group_id=f"t{number:03}", times=None))
    started = time.monotonic()
    run = sync()
    took = time.monotonic() - started
    assert run.counts == {"created": 180, "failed": 20}
    # Everybody is sent once before anybody is sent again.
    first = [name for path, name in run.sent if path == "create_user_group"][:200]
    assert len(set(first)) == 200
    assert took < 200 / 98 + 3 + 5
    assert isinstance(run.error, ExploUnavailableError)


def test_one_that_fails_for_a_while_is_mended_by_its_retry(sync, database, explo_connection, connect):
    connect()
    database.put(*((f"t{number}", "T") for number in range(10)))
    explo_connection.inject(Fault("close_after", user_group_id="t3", times=2))
    explo_connection.inject(Fault("status", status=503, user_group_id="t4", times=2))
    run = sync(if_exists="fail")
    assert run.counts.get("failed", 0) == 0
    assert run.error is None
    assert sync().counts == {"unchanged": 10}


def test_an_explo_that_is_away_ends_the_run_after_the_probe(sync, database, explo_connection, connect):
    connect(retry_timeout=1)
    database.put(*((f"t{number:03}", "T") for number in range(100)))
    explo_connection.inject(Fault("status", status=503, times=None))
    run = sync(refresh=False)
    assert run.counts == {"failed": 100}
    assert len({name for _, name in run.sent}) <= 13
    assert "/v2/api/customers/" in str(run.error)
    assert isinstance(run.error, ExploUnavailableError)


@pytest.mark.slow
def test_an_outage_shorter_than_retry_timeout_costs_nobody(sync, database, explo_connection, connect):
    connect(retry_timeout=20)
    database.put(*((f"t{number:03}", "T") for number in range(60)))
    explo_connection.inject(Fault("status", status=503, times=11))
    assert sync(refresh=False).counts == {"created": 60}


@pytest.mark.parametrize("status", [404, 405, 410])
@pytest.mark.parametrize("refresh", [True, False])
def test_an_endpoint_that_is_gone_ends_the_run_at_once(sync, database, explo_connection, connect, status, refresh):
    connect()
    database.put(*((f"t{number:03}", "T") for number in range(300)))
    explo_connection.gone = {"create_user_group": status}
    run = sync(refresh=refresh, rejects_table="explo_rejects")
    assert isinstance(run.error, AirflowFailException)
    assert run.counts == {"failed": 300}
    assert len(run.sent) <= 8
    assert "api: customer" in str(run.error)
    assert "check the tenant's data" not in str(run.error)
    (cause,) = run.summary["problems"]
    assert (cause["count"], cause["ended_run"], cause["status"]) == (300, True, status)
    assert cause["unsent"] == 300 - len(run.sent)
    reasons = {row["user_group_id"]: row["reason"] for row in database.rows("explo_rejects")}
    assert len(reasons) == 300
    assert not [name for name, reason in reasons.items() if "tenant '" in reason]


def test_a_token_that_may_not_write_ends_the_run(sync, database, explo_connection, connect):
    connect()
    database.put(*((f"t{number:03}", "T") for number in range(300)))
    explo_connection.inject(Fault("status", status=403, path="create_user_group", times=None))
    run = sync()
    assert isinstance(run.error, AirflowFailException)
    assert len(run.sent) < 40
    assert run.counts == {"failed": 300}
