"""Connections are kept, shared and closed."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest


def test_ipv6_loopback_is_reached(kit, stand_in, new_client):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = stand_in(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")

    assert kit.create(new_client(base_url=server.url)).provided_id == "acme"
    assert server.received[0].headers["host"] == f"[::1]:{server.port}"


def test_many_requests_use_one_connection(kit, explo, client):
    for _ in range(20):
        kit.create(client)

    assert len(explo.received) == 20
    assert explo.connections == 1


def test_a_chunked_response_is_read_and_its_connection_kept(kit, explo, client):
    body = json.dumps(kit.created()).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    explo.will(kit.respond(chunks + b"0\r\n\r\n", headers={"Transfer-Encoding": "chunked"}, length=False))

    assert kit.create(client).token == kit.TENANT_TOKEN
    kit.create(client)

    assert explo.connections == 1


def test_a_closed_client_opens_a_new_connection(kit, explo, client):
    with client:
        kit.create(client)
    kit.create(client)

    assert explo.connections == 2


def test_threads_share_a_client_and_as_many_connections_as_requests_in_flight(kit, explo, new_client):
    client = new_client(max_in_flight=4)
    ids = [f"tenant-{number}" for number in range(80)]

    with ThreadPoolExecutor(4) as pool:
        groups = list(
            pool.map(lambda tenant_id: client.create_user_group(user_group_id=tenant_id, name=tenant_id), ids)
        )

    assert [group.provided_id for group in groups] == ids
    assert sorted(request.json["user_group_id"] for request in explo.received) == sorted(ids)
    assert explo.connections <= 4


def test_the_pool_keeps_as_many_connections_as_requests_in_flight(kit, explo, new_client, every_log):
    client = new_client(max_in_flight=3)
    together = threading.Barrier(3, timeout=5)

    def meet(request, connection):
        together.wait()
        connection.sendall(kit.respond(kit.created()))

    explo.will(meet, meet, meet)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: kit.create(client), range(3)))

    assert explo.connections == 3
    assert "onnection pool is full" not in every_log.text
