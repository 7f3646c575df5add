"""Retries: after what, after how long, how often, and what is known of the group then."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.exceptions import ExploProtocolError, ExploRateLimitError, ExploUnavailableError

FAST = 1e12


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "7.25"}, 7.25),
        ({"Retry-After": " 8.5 "}, 8.5),
        ({}, 60),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "-3"}, 60),
        ({"Retry-After": "Sun, 01 Mar 2020 12:00:00 GMT"}, 1),
    ],
)
def test_a_429_is_waited_out(kit, explo, client, clock, headers, waited):
    explo.will(kit.respond(status=429, headers=headers))

    assert kit.create(client).new_user_group is True
    assert sum(clock.naps) == pytest.approx(waited)
    assert len(explo.received) == 2


def test_a_429_with_a_date_is_waited_out(kit, explo, client, clock):
    then = datetime.now(timezone.utc) + timedelta(seconds=100)
    explo.will(kit.respond(status=429, headers={"Retry-After": format_datetime(then, usegmt=True)}))

    kit.create(client)

    assert 60 < sum(clock.naps) <= 100


@pytest.mark.parametrize("hours", [2, -2])
def test_a_date_counts_from_the_servers_clock_and_not_from_this_machines(kit, explo, client, clock, hours):
    there = datetime.now(timezone.utc) + timedelta(hours=hours)
    dates = {"Date": there, "Retry-After": there + timedelta(seconds=20)}
    explo.will(kit.respond(status=429, headers={name: format_datetime(at, usegmt=True) for name, at in dates.items()}))

    kit.create(client)

    assert sum(clock.naps) == pytest.approx(20)


def test_a_429_with_a_time_beyond_retry_timeout_is_not_waited_for(kit, explo, client, clock):
    explo.will(kit.respond(status=429, headers={"Retry-After": "99999999"}))

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploRateLimitError
    assert error.retry_after == 3600
    assert clock.naps == []
    assert len(explo.received) == 1


def test_a_503_with_a_time_is_waited_out(kit, explo, client, clock):
    explo.will(kit.respond(status=503, headers={"Retry-After": "33"}))

    kit.create(client)

    assert sum(clock.naps) == pytest.approx(33)


def test_5xx_are_retried_with_a_growing_wait(kit, explo, client, clock):
    explo.will(*[kit.respond(status=status) for status in (500, 502, 503, 504)])

    assert kit.create(client).token == kit.TENANT_TOKEN
    assert clock.naps == pytest.approx([1, 2, 4, 8])


def test_every_attempt_sends_the_same_request(kit, explo, client):
    explo.will(kit.respond(status=500), None, kit.respond(status=429))

    kit.create(client, properties={"a": [1]})

    assert len({(request.method, request.target, request.body) for request in explo.received}) == 1
    assert len(explo.received) == 4


def test_a_refused_connection_is_tried_until_the_time_is_over(kit, new_client, clock):
    began = clock.now
    client = new_client(base_url=f"http://127.0.0.1:{closed_port()}", retry_timeout=20)

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploUnavailableError
    assert (error.status, error.endpoint, error.ambiguous) == (None, "POST /embed/create_user_group/", False)
    assert "refused" in str(error)
    assert clock.naps == pytest.approx([1, 2, 4, 8])
    assert clock.now - began < 20


def test_a_host_that_dns_does_not_know_says_so(kit, new_client, monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    error = kit.failure(new_client(base_url="https://explo.invalid").probe)

    assert type(error) is ExploUnavailableError
    assert "explo.invalid" in str(error)
    assert not error.ambiguous


def test_a_retry_is_logged_with_tenant_endpoint_and_wait(kit, explo, client, every_log):
    explo.will(kit.respond(status=503))

    kit.create(client)

    (warning,) = [record for record in every_log.records if record.levelname == "WARNING"]
    assert "tenant 'acme': POST /embed/create_user_group/: HTTP 503, " in warning.getMessage()
    assert "attempt 1 failed, retrying in 1.0 s" in warning.getMessage()


def test_a_pause_longer_than_retry_timeout_fails_the_next_request_unsent(kit, explo, client, clock):
    explo.will(kit.respond(status=429, headers={"Retry-After": "1000"}))
    kit.failure(lambda: kit.create(client))

    error = kit.failure(lambda: kit.create(client))
    probe_error = kit.failure(client.probe)
    clock.now += 800
    kit.create(client)

    assert type(error) is type(probe_error) is ExploRateLimitError
    assert (error.status, error.retry_after) == (None, pytest.approx(1000))
    assert "tenant 'acme'" in str(error)
    assert len(explo.received) == 2


def test_waiting_for_the_rate_limiter_does_not_count_as_time_of_the_request(kit, explo, new_client, clock):
    client = new_client(retry_timeout=5, rate_limiter=RateLimiter(1, clock=clock, sleep=clock.sleep))

    for _ in range(3):
        kit.create(client)

    assert len(explo.received) == 3


def test_protocol_errors_are_not_retried(kit, explo, client, clock):
    explo.will(kit.respond(b"<html>"))

    assert type(kit.failure(lambda: kit.create(client))) is ExploProtocolError
    assert len(explo.received) == 1
    assert clock.naps == []


def test_a_429_to_one_of_several_threads_holds_all_of_them_back(kit, explo, new_client, clock):
    both = threading.Barrier(2, timeout=5)

    def meet(reply):
        def respond(request, connection):
            both.wait()
            connection.sendall(reply)

        return respond

    client = new_client(max_in_flight=2)
    explo.will(meet(kit.respond(status=429, headers={"Retry-After": "50"})), meet(kit.respond(kit.created())))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: kit.create(client), range(2)))
    kit.create(client)

    assert clock.now >= 1050
    assert len(explo.received) == 4


SINGLE_ATTEMPT = {
    "429": (lambda kit: kit.respond(status=429, headers={"Retry-After": "7"}), ExploRateLimitError, False, 7.0),
    "503": (lambda kit: kit.respond(status=503), ExploUnavailableError, True, 0.0),
    "closed": (lambda kit: None, ExploUnavailableError, True, 0.0),
    "html": (lambda kit: kit.respond(b"<html>"), ExploProtocolError, False, 0.0),
}


@pytest.mark.parametrize(("fault", "kind", "ambiguous", "pause"), SINGLE_ATTEMPT.values(), ids=SINGLE_ATTEMPT)
def test_a_client_of_single_attempts_raises_every_error_at_once(
    kit, explo, new_client, clock, every_log, fault, kind, ambiguous, pause
):
    rate_limiter = RateLimiter(FAST, clock=clock, sleep=clock.sleep)
    explo.will(fault(kit))

    error = kit.failure(lambda: kit.create(new_client(max_attempts=1, rate_limiter=rate_limiter)))

    assert (type(error), error.ambiguous) == (kind, ambiguous)
    assert rate_limiter.paused_for == pytest.approx(pause)
    assert len(explo.received) == 1
    assert clock.naps == []
    assert [record for record in every_log.records if record.levelname == "WARNING"] == []


def test_a_client_of_single_attempts_waits_for_the_pause_after_a_429(kit, explo, new_client, clock):
    client = new_client(max_attempts=1)
    explo.will(kit.respond(status=429, headers={"Retry-After": "7"}), kit.respond(status=429))
    kit.failure(lambda: kit.create(client))
    kit.failure(lambda: kit.create(client))

    assert kit.create(client).new_user_group is True
    assert clock.naps == pytest.approx([7, 60])


def test_attempts_have_a_limit(kit, explo, new_client):
    explo.will(*[kit.respond(status=500)] * 10)

    kit.failure(lambda: kit.create(new_client(max_attempts=3)))

    assert len(explo.received) == 3


def test_a_probe_that_meets_a_429_slows_down_what_follows(kit, explo, client, clock):
    explo.will(kit.respond(status=429, headers={"Retry-After": "9"}))
    kit.failure(client.probe)

    kit.create(client)

    assert clock.naps == pytest.approx([9])
