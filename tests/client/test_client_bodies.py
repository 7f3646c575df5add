"""Whatever the body of a response is, it is read within bounds, or refused."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from airflow_provider_explo.exceptions import ExploProtocolError, ExploRefusedError, ExploUnavailableError

OTHER = "tenant-2"


def test_success_zero_is_a_refusal_and_not_retried(kit, explo, client):
    explo.will(kit.respond({"success": 0, "error": "nope"}))

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploRefusedError
    assert error.status == 200
    assert error.endpoint == "POST /embed/create_user_group/"
    assert "acme" in str(error)
    assert "nope" not in str(error)
    assert len(explo.received) == 1


INVALID_PAYLOADS = {
    "success two": lambda kit: kit.created(success=2),
    "success true": lambda kit: kit.created(success=True),
    "success text": lambda kit: kit.created(success="1"),
    "success null": lambda kit: kit.created(success=None),
    "success a list": lambda kit: kit.created(success=[1]),
    "success missing": lambda kit: kit.without(kit.created(), "success"),
    "group missing": lambda kit: kit.without(kit.created(), "user_group"),
    "group null": lambda kit: kit.created(user_group=None),
    "group a list": lambda kit: kit.created(user_group=[kit.group()]),
    "group under another key": lambda kit: {"success": 1, "new_user_group": True, "customer": kit.group()},
    "token missing": lambda kit: kit.created(user_group=kit.without(kit.group(), "token")),
    "token empty": lambda kit: kit.changed_group(token=""),
    "token blank": lambda kit: kit.changed_group(token=" \t\n"),
    "token a number": lambda kit: kit.changed_group(token=123456789),
    "token null": lambda kit: kit.changed_group(token=None),
    "token an object": lambda kit: kit.changed_group(token={"token": kit.TENANT_TOKEN}),
    "id of another tenant": lambda kit: kit.changed_group(provided_id=OTHER),
    "id in another case": lambda kit: kit.changed_group(provided_id="Acme"),
    "id with a space": lambda kit: kit.changed_group(provided_id="acme "),
    "id missing": lambda kit: kit.created(user_group=kit.without(kit.group(), "provided_id")),
    "id a number": lambda kit: kit.changed_group(provided_id=7),
    "id null": lambda kit: kit.changed_group(provided_id=None),
    "name a number": lambda kit: kit.changed_group(name=5),
    "new missing": lambda kit: kit.without(kit.created(), "new_user_group"),
    "new a number": lambda kit: kit.created(new=1),
    "new text": lambda kit: kit.created(new="true"),
    "new null": lambda kit: kit.created(new=None),
    "a list": lambda kit: [kit.created()],
    "a text": lambda kit: "ok",
    "a number": lambda kit: 1,
    "null": lambda kit: None,
    "empty object": lambda kit: {},
}


def body(kit):
    return json.dumps(kit.created()).encode()


def with_text(kit, old, new):
    text = json.dumps(kit.created())
    assert old in text
    return text.replace(old, new).encode()


INVALID_BODIES = {
    "empty": lambda kit: b"",
    "html": lambda kit: b"<!doctype html><html>Sign in</html>",
    "truncated": lambda kit: body(kit)[:-2],
    "two documents": lambda kit: body(kit) * 2,
    "utf-16": lambda kit: json.dumps(kit.created()).encode("utf-16"),
    "latin-1": lambda kit: with_text(kit, "Acme", "Bäcker").decode().encode("latin-1"),
    "nan": lambda kit: with_text(kit, '"team_id": 3', '"team_id": NaN'),
    "duplicate token key": lambda kit: with_text(kit, '"token":', '"token": "another-token", "token":'),
    "nested too deep": lambda kit: with_text(kit, '"team_id": 3', '"x": ' + "[" * 100_000 + "]" * 100_000),
    "exponent too large": lambda kit: with_text(kit, '"team_id": 3', '"x": 1e99999999999999999999'),
}


@pytest.mark.parametrize("payload", INVALID_PAYLOADS.values(), ids=INVALID_PAYLOADS)
def test_json_of_another_shape_is_refused(kit, explo, client, payload):
    explo.will(kit.respond(payload(kit)))

    kit.assert_refused(explo, kit.failure(lambda: kit.create(client)))


@pytest.mark.parametrize("invalid_body", INVALID_BODIES.values(), ids=INVALID_BODIES)
def test_a_body_that_is_not_json_is_refused(kit, explo, client, invalid_body):
    explo.will(kit.respond(invalid_body(kit)))

    kit.assert_refused(explo, kit.failure(lambda: kit.create(client)))


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br"])
def test_a_compressed_body_is_refused_unread(kit, explo, client, encoding):
    explo.will(kit.respond(gzip.compress(body(kit)), headers={"Content-Encoding": encoding}))

    error = kit.failure(lambda: kit.create(client))

    kit.assert_refused(explo, error)
    assert "compressed" in str(error)


@pytest.mark.parametrize("encoding", ["", " ", "identity", "utf-8", "UTF-8", "utf8"])
def test_a_content_encoding_that_compresses_nothing_is_accepted(kit, explo, client, encoding):
    explo.will(kit.respond(body(kit), headers={"Content-Encoding": encoding}))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_a_byte_order_mark_is_accepted(kit, explo, client):
    explo.will(kit.respond(b"\xef\xbb\xbf" + body(kit)))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_the_content_type_is_not_what_counts(kit, explo, client):
    explo.will(kit.respond(body(kit), headers={"Content-Type": "text/html; charset=utf-16"}))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_a_204_is_refused(kit, explo, client):
    explo.will(b"HTTP/1.1 204 No Content\r\n\r\n")

    error = kit.failure(lambda: client.delete_user_group(current_token="old"))

    assert type(error) is ExploProtocolError
    assert error.status == 204


def endless(request, connection, *, head, piece):
    connection.sendall(head)
    while True:
        connection.sendall(piece)


@pytest.mark.parametrize(
    ("headers", "piece"),
    [({}, b"x" * 65_536), ({"Transfer-Encoding": "chunked"}, b"10000\r\n" + b"x" * 65_536 + b"\r\n")],
    ids=["until it closes", "chunked"],
)
def test_an_endless_body_is_cut_at_the_limit(kit, explo, client, monkeypatch, headers, piece):
    monkeypatch.setattr("airflow_provider_explo.client.transport.BODY_LIMIT", 1 << 20)
    head = kit.respond(headers=headers, length=False)
    explo.will(lambda request, connection: endless(request, connection, head=head, piece=piece))

    error = kit.failure(lambda: kit.create(client))

    kit.assert_refused(explo, error)
    assert "larger than 1 MiB" in str(error)


def test_a_body_below_the_limit_is_taken(kit, explo, client):
    explo.will(kit.respond({**kit.created(), "padding": "x" * (8 << 20)}))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_a_dripping_body_ends_with_the_time_of_the_request(kit, explo, new_client, clock):
    client = new_client(retry_timeout=10)
    clock.tick = 1.0
    head = kit.respond(length=False)
    explo.will(lambda request, connection: endless(request, connection, head=head, piece=b" "))

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploUnavailableError
    assert error.ambiguous
    assert "no response from 127.0.0.1" in str(error)
    assert "in time (timeout)" in str(error)
    assert len(explo.received) == 1


def test_a_body_cut_short_of_its_length_is_a_broken_connection(kit, explo, client):
    whole = kit.respond(kit.created())
    explo.will(lambda request, connection: connection.sendall(whole[:-10]))

    group = kit.create(client)

    assert group.token == kit.TENANT_TOKEN
    assert len(explo.received) == 2


def test_chunks_cut_short_are_a_broken_connection(kit, explo, client):
    head = kit.respond(headers={"Transfer-Encoding": "chunked"}, length=False)
    explo.will(lambda request, connection: connection.sendall(head + b"ff\r\n{"))

    assert kit.create(client).token == kit.TENANT_TOKEN
    assert len(explo.received) == 2


def test_many_keys_with_one_twice_are_refused_quickly(kit, explo, client):
    keys = ",".join(f'"{number}":0' for number in range(200_000))
    explo.will(kit.respond(f'{{{keys},"199999":1}}'.encode()))
    began = time.process_time()

    kit.assert_refused(explo, kit.failure(lambda: kit.create(client)))
    assert time.process_time() - began < 5
