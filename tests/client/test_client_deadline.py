"""No response takes longer than retry_timeout, however it trickles in, also over TLS and on a kept-alive connection."""

from __future__ import annotations

import time

import pytest

from airflow_provider_explo.exceptions import ExploUnavailableError

PROLOGUES = [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]


@pytest.fixture(params=["http", "https"])
def anywhere(request, explo):
    """A stand-in, and the settings that it takes."""
    if request.param == "http":
        return explo, {}
    return request.getfixturevalue("tls_explo"), {"verify": request.getfixturevalue("ca_bundle")}


@pytest.mark.parametrize("prologue", PROLOGUES)
def test_a_response_that_trickles_is_given_up_in_time(kit, new_client, anywhere, prologue):
    server, settings = anywhere

    def trickle(request, connection):
        connection.sendall(prologue)
        while not server.stopping.wait(0.05):
            connection.sendall(b"X")

    client = new_client(base_url=server.url, retry_timeout=0.5, **settings)
    kit.create(client)
    server.will(trickle)
    begun = time.monotonic()
    with pytest.raises(ExploUnavailableError, match="time"):
        kit.create(client)
    assert 0.4 < time.monotonic() - begun < 3
