"""When every call fails in the same way: no hour of calls that cannot succeed, and no row without an outcome."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import (
    ExploAuthError,
    ExploConfigError,
    ExploEndpointGoneError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
)
from airflow_provider_explo.sync.breaker import CircuitBreaker
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.transfers.child import TaskInstance
from tests.transfers.conftest import SQL

TENANTS = 100
MOST_CALLS = 5 + 2 * 4


@pytest.fixture
def failure(database, explo_connection, airflow_home, monkeypatch):
    """Run the operator against an Explo that never does as it should, and return its error."""

    def run(fault=None, *, token=None, retry_timeout=30, **arguments):
        database.put(*((f"t{number}", "T") for number in range(TENANTS)), ("bad", ""))
        if fault:
            explo_connection.inject(fault)
        connection = explo_connection.connection_json(requests_per_minute=60_000, retry_timeout=retry_timeout)
        if token:
            connection = connection.replace(explo_connection.token, token)
        monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)
        operator = SqlToExploOperator(task_id="onboard", sql=SQL, sql_conn_id="warehouse", refresh=False, **arguments)
        with pytest.raises(Exception) as caught:
            operator.execute({"ti": TaskInstance()})
        return caught.value

    return run


def counted(error):
    return f"Of {TENANTS + 1} rows: 0 created, 0 existing, 0 updated, 0 unchanged, 1 rejected, {TENANTS} failed"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", status=503, times=None), ExploUnavailableError),
        (Fault("close_before", times=None), ExploUnavailableError),
        (Fault("rate_limit", times=None), ExploRateLimitError),
        (Fault("status", status=403, times=None), AirflowFailException),
        (Fault("html", times=None), AirflowFailException),
        (Fault("redirect", location="https://elsewhere.example/", times=None), AirflowFailException),
    ],
)
def test_calling_is_given_up_and_every_row_has_an_outcome(failure, explo_connection, fault, kind):
    error = failure(fault, retry_timeout=30 if kind is AirflowFailException else 1)
    assert type(error) is kind
    assert counted(error) in str(error)
    _, cause, line, *_ = str(error).splitlines()
    assert line.startswith("  this ended the run; failed: ")
    assert "not sent" in line
    assert "/" in cause
    sent = {request.user_group_id for request in explo_connection.requests}
    assert len(sent) <= MOST_CALLS


def test_a_wrong_token_costs_a_few_calls_and_no_retry(failure, explo_connection):
    error = failure(token="wrong-token-0123456789")
    assert type(error) is AirflowFailException
    assert "wrong-token" not in str(error)
    assert explo_connection.request_count <= MOST_CALLS


def test_a_pause_that_is_too_long_is_told_to_airflow_s_retries(failure, explo_connection):
    error = failure(Fault("rate_limit", retry_after=900, times=None))
    assert type(error) is ExploRateLimitError
    assert 890 < error.retry_after <= 900
    assert explo_connection.request_count <= MOST_CALLS


def test_tenants_whom_explo_refuses_say_nothing_of_the_others(failure, explo_connection):
    error = failure(Fault("status", status=422, times=TENANTS - 1))
    assert type(error) is AirflowFailException
    assert f"1 created, 0 existing, 0 updated, 0 unchanged, 1 rejected, {TENANTS - 1} failed" in str(error)
    assert explo_connection.request_count == TENANTS


def test_five_failures_in_a_row_ask_for_a_probe_and_fewer_do_not():
    breaker = CircuitBreaker()
    for error in [ExploAuthError("no")] * 4 + [None] + [ExploAuthError("no")] * 4 + [ExploRefusedError("no")]:
        breaker.record(error)
        assert not breaker.wants_probe
    for _ in range(5):
        breaker.record(ExploUnavailableError("away"))
    assert breaker.wants_probe
    assert breaker.error is None
    breaker.record_probe(None)
    assert not breaker.wants_probe
    assert breaker.error is None
    for _ in range(5):
        breaker.record(ExploUnavailableError("away"))
    breaker.record_probe(ExploUnavailableError("nobody there"))
    assert str(breaker.error) == "nobody there"
    breaker.record(None)
    assert breaker.error is not None


def test_a_token_that_never_may_write_opens_the_breaker_though_the_probe_succeeds():
    breaker = CircuitBreaker()
    for _ in range(4):
        for _ in range(5):
            assert breaker.error is None
            breaker.record(ExploAuthError("no"))
        breaker.record_probe(None)
    assert isinstance(breaker.error, ExploAuthError)


@pytest.mark.parametrize(
    "error",
    [
        ExploConfigError("TLS"),
        ExploRateLimitError("not sent", retry_after=900),
        ExploEndpointGoneError("gone", status=404),
    ],
)
def test_what_holds_for_every_request_opens_the_breaker_at_once(error):
    breaker = CircuitBreaker()
    breaker.record(error, one_tenant=True)
    assert breaker.error is None
    breaker.record(error)
    assert breaker.error is error
