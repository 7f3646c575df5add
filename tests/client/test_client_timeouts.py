"""A request has a time, and all of its attempts have one."""

from __future__ import annotations

import pytest

from airflow_provider_explo.client.transport import Transport
from airflow_provider_explo.exceptions import ExploUnavailableError


def test_a_timed_out_request_is_retried(kit, explo, new_client):
    explo.will(kit.silent)

    assert kit.create(new_client(timeout=0.1)).token == kit.TENANT_TOKEN
    assert len(explo.received) == 2


def test_a_stalled_body_times_out_and_is_retried(kit, explo, new_client):
    def stall(request, connection):
        connection.sendall(kit.respond(kit.created())[:-10])
        connection.recv(1)

    explo.will(stall)

    assert kit.create(new_client(timeout=0.1)).token == kit.TENANT_TOKEN
    assert len(explo.received) == 2


def test_a_time_out_says_so(kit, explo, new_client):
    explo.will(kit.silent)

    error = kit.failure(new_client(timeout=0.1).probe)

    assert type(error) is ExploUnavailableError
    assert (error.status, error.ambiguous) == (None, True)
    assert "in time (timeout)" in str(error)


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("retry_timeout", [0.5, 5, 59, 61, 300, 1000])
def test_retry_timeout_bounds_a_request_with_its_waits(kit, explo, new_client, clock, status, retry_timeout):
    explo.will(*[kit.respond(status=status)] * 1000)
    began = clock.now

    error = kit.failure(lambda: kit.create(new_client(retry_timeout=retry_timeout)))

    assert error.status == status
    assert clock.now - began < retry_timeout
    assert len(explo.received) == len(clock.naps) + 1


def test_the_last_attempt_has_only_the_time_that_is_left(kit, explo, new_client):
    explo.will(kit.respond(status=500), kit.silent, kit.silent)
    client = new_client(timeout=600, retry_timeout=1.1)

    error = kit.failure(lambda: kit.create(client))

    assert "no response from" in str(error)
    assert len(explo.received) == 2


@pytest.mark.parametrize("time_left", [-5.0, 0.0, 1e-12])
def test_an_attempt_without_time_left_ends_as_a_time_out(kit, explo, client, time_left):
    transport = Transport(client.settings)
    explo.will(kit.silent)
    request = kit.smallest_request()

    error = kit.failure(lambda: transport.send(request, time_left=time_left))

    assert type(error) is ExploUnavailableError


@pytest.mark.parametrize("timeout", [1e12, 1e300])
def test_a_timeout_longer_than_a_socket_can_wait_is_none_at_all(kit, new_client, timeout):
    assert kit.create(new_client(timeout=timeout, retry_timeout=timeout)).token == kit.TENANT_TOKEN
