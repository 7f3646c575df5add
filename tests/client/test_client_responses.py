"""A 2xx response: accepted only in its documented shape."""

from __future__ import annotations

import gzip
import json
import time
from decimal import Decimal

import pytest

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.exceptions import ExploProtocolError, ExploRefusedError, ExploUnavailableError

OTHER = "tenant-2"


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


def changed_group(kit, **changes):
    return kit.created(user_group=kit.group(**changes))


def test_a_documented_response_is_a_group(kit, client):
    group = kit.create(client)

    assert (group.provided_id, group.token, group.name, group.new_user_group) == (
        "acme",
        kit.TENANT_TOKEN,
        "Acme",
        True,
    )
    assert group.details == {"team_id": 3}
    assert group.without_token() == {"provided_id": "acme", "name": "Acme", "team_id": 3, "new_user_group": True}


def test_a_group_that_was_there_is_not_new(kit, explo, client):
    explo.will(kit.respond(kit.created(new=False)))

    assert kit.create(client).new_user_group is False


@pytest.mark.parametrize("success", [1, 1.0])
def test_success_is_the_number_one(kit, explo, client, success):
    explo.will(kit.respond(kit.created(success=success)))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_unknown_fields_are_fine(kit, explo, client):
    explo.will(kit.respond({**changed_group(kit, colour="blue", children=[1, {"a": None}]), "request_id": "r-1"}))

    assert kit.create(client).details == {"team_id": 3, "colour": "blue", "children": [1, {"a": None}]}


def test_a_name_may_be_absent_or_null(kit, explo, client):
    explo.will(kit.respond(kit.created(user_group=without(kit.group(), "name"))))
    explo.will(kit.respond(changed_group(kit, name=None)))

    assert kit.create(client).name is None
    assert kit.create(client).name is None


def test_numbers_arrive_with_every_digit(kit, explo, client):
    text = json.dumps(changed_group(kit, properties={"id": 2**63 + 1, "price": "?"}))
    explo.will(kit.respond(text.replace('"?"', "0.10000000000000000000001").encode()))

    assert kit.create(client).details["properties"] == {
        "id": 9223372036854775809,
        "price": Decimal("0.10000000000000000000001"),
    }


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
    "success missing": lambda kit: without(kit.created(), "success"),
    "group missing": lambda kit: without(kit.created(), "user_group"),
    "group null": lambda kit: kit.created(user_group=None),
    "group a list": lambda kit: kit.created(user_group=[kit.group()]),
    "group under another key": lambda kit: {"success": 1, "new_user_group": True, "customer": kit.group()},
    "token missing": lambda kit: kit.created(user_group=without(kit.group(), "token")),
    "token empty": lambda kit: changed_group(kit, token=""),
    "token blank": lambda kit: changed_group(kit, token=" \t\n"),
    "token a number": lambda kit: changed_group(kit, token=123456789),
    "token null": lambda kit: changed_group(kit, token=None),
    "token an object": lambda kit: changed_group(kit, token={"token": kit.TENANT_TOKEN}),
    "id of another tenant": lambda kit: changed_group(kit, provided_id=OTHER),
    "id in another case": lambda kit: changed_group(kit, provided_id="Acme"),
    "id with a space": lambda kit: changed_group(kit, provided_id="acme "),
    "id missing": lambda kit: kit.created(user_group=without(kit.group(), "provided_id")),
    "id a number": lambda kit: changed_group(kit, provided_id=7),
    "id null": lambda kit: changed_group(kit, provided_id=None),
    "name a number": lambda kit: changed_group(kit, name=5),
    "new missing": lambda kit: without(kit.created(), "new_user_group"),
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


def assert_refused(kit, explo, error):
    assert type(error) is ExploProtocolError
    assert (error.status, error.endpoint, error.ambiguous) == (200, "POST /embed/create_user_group/", False)
    assert "tenant 'acme'" in str(error)
    assert "POST /embed/create_user_group/" in str(error)
    assert "check" in str(error)
    assert kit.TENANT_TOKEN not in kit.everything_shown(error)
    assert kit.API_TOKEN not in kit.everything_shown(error)
    assert len(explo.received) == 1


@pytest.mark.parametrize("payload", INVALID_PAYLOADS.values(), ids=INVALID_PAYLOADS)
def test_json_of_another_shape_is_refused(kit, explo, client, payload):
    explo.will(kit.respond(payload(kit)))

    assert_refused(kit, explo, kit.failure(lambda: kit.create(client)))


@pytest.mark.parametrize("invalid_body", INVALID_BODIES.values(), ids=INVALID_BODIES)
def test_a_body_that_is_not_json_is_refused(kit, explo, client, invalid_body):
    explo.will(kit.respond(invalid_body(kit)))

    assert_refused(kit, explo, kit.failure(lambda: kit.create(client)))


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br"])
def test_a_compressed_body_is_refused_unread(kit, explo, client, encoding):
    explo.will(kit.respond(gzip.compress(body(kit)), headers={"Content-Encoding": encoding}))

    error = kit.failure(lambda: kit.create(client))

    assert_refused(kit, explo, error)
    assert "compressed" in str(error)


@pytest.mark.parametrize("encoding", ["", " ", "identity", "utf-8", "UTF-8", "utf8"])
def test_a_content_encoding_that_compresses_nothing_is_accepted(kit, explo, client, encoding):
    explo.will(kit.respond(body(kit), headers={"Content-Encoding": encoding}))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_a_byte_order_mark_is_accepted(kit, explo, client):
    explo.will(kit.respond(b"\xef\xbb\xbf" + body(kit)))

    assert kit.create(client).token == kit.TENANT_TOKEN


@pytest.mark.parametrize("operation", ["create", "update", "get", "refresh", "list", "probe"])
def test_the_api_token_as_a_tenants_token_is_refused(kit, explo, client, operation):
    stolen = kit.group(token=kit.API_TOKEN)
    payload = kit.created(user_group=stolen, customer=stolen, results={"customers": [kit.group("other"), stolen]})
    explo.will(kit.respond(payload))
    operations = {
        "create": lambda: kit.create(client),
        "update": lambda: client.update_user_group(user_group_id="acme", name="Acme"),
        "get": lambda: client.get_user_group(user_group_id="acme"),
        "refresh": lambda: client.refresh_user_group_token(current_token="old"),
        "list": lambda: list(client.list_user_groups()),
        "probe": client.probe,
    }

    error = kit.failure(operations[operation])

    assert type(error) is ExploProtocolError
    assert error.status == 200
    assert "token is the API token" in str(error)
    assert kit.API_TOKEN not in kit.everything_shown(error)


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

    assert_refused(kit, explo, error)
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
    assert "did not end in time" in str(error)
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

    assert_refused(kit, explo, kit.failure(lambda: kit.create(client)))
    assert time.process_time() - began < 5


SECRET_FIELDS = {
    "token in its name": {"embed_token": "x"},
    "jwt in its name": {"dashJWT": "x"},
    "secret in its name": {"client_secret": "x"},
    "a key inside": {"parent": {"provided_id": "p", "token": "tenant-token-of-parent"}},
    "a key in a list": {"children": [{"deep": [{"token": "tenant-token-of-child"}]}]},
    "the token itself": {"echo": "{token}"},
    "a text with the token": {"url": "https://app.explo.co/?t={token}"},
    "the token in properties": {"properties": {"a": [{"b": "{token}"}]}},
    "the token as a key": {"properties": {"{token}": 1}},
}


def filled(value, token):
    return json.loads(json.dumps(value).replace("{token}", json.dumps(token)[1:-1]))


@pytest.mark.parametrize("token", ["tenant-token-93be77", 'tok"en\\ü-株-1'], ids=["plain", "escaped"])
@pytest.mark.parametrize("field", SECRET_FIELDS.values(), ids=SECRET_FIELDS)
def test_no_other_field_gives_a_token_away(kit, explo, client, field, token):
    explo.will(kit.respond(changed_group(kit, token=token, **filled(field, token))))

    group = kit.create(client)

    assert group.token == token
    assert group.details == {"team_id": 3}
    assert token not in repr(group)


def test_a_callers_own_property_called_token_is_kept(kit, explo, client):
    explo.will(kit.respond(changed_group(kit, properties={"css_token": "blue"})))

    assert kit.create(client).details["properties"] == {"css_token": "blue"}


def test_details_nested_deep_do_not_break_the_search_for_tokens(kit, explo, client):
    deep = '{"a":' * 450 + "1" + "}" * 450
    explo.will(kit.respond(json.dumps(changed_group(kit, x="?")).replace('"?"', deep).encode()))

    assert kit.create(client).token == kit.TENANT_TOKEN


@pytest.mark.parametrize("operation", ["update", "get"])
def test_update_and_get_want_the_asked_tenant_too(kit, explo, client, operation):
    entity = "customer" if operation == "get" else "user_group"
    explo.will(kit.respond({"success": 1, entity: kit.group(OTHER)}))
    operations = {
        "update": lambda: client.update_user_group(user_group_id="acme", name="Acme"),
        "get": lambda: client.get_user_group(user_group_id="acme"),
    }

    error = kit.failure(operations[operation])

    assert type(error) is ExploProtocolError
    assert "another tenant" in str(error)
    assert OTHER in str(error)


def test_an_id_that_is_the_token_is_not_named(kit, explo, client):
    explo.will(kit.respond(changed_group(kit, provided_id=kit.TENANT_TOKEN)))

    assert_refused(kit, explo, kit.failure(lambda: kit.create(client)))


def test_update_and_refresh_do_not_say_whether_a_group_is_new(client):
    assert client.update_user_group(user_group_id="acme", name="Acme").new_user_group is None
    assert client.refresh_user_group_token(current_token="old").new_user_group is None


@pytest.mark.parametrize("jwt", [None, "", "  ", 5])
def test_a_jwt_must_be_text(kit, explo, client, jwt):
    explo.will(kit.respond({"success": 1, "jwt": jwt}))

    error = kit.failure(lambda: client.generate_jwt(user_group_id="acme", embed_id="dash-1"))

    assert type(error) is ExploProtocolError
    assert "jwt" in str(error)


def test_what_goes_to_xcom_has_no_null_character_and_no_broken_unicode(kit, explo, client):
    explo.will(kit.respond(changed_group(kit, name="a\0b", properties={"k\0": ["\0", {"x": "\ud800🚀"}]}, team_id=3)))

    kept = kit.create(client).without_token()

    assert kept["name"] == r"a\x00b"
    assert kept["properties"] == {r"k\x00": [r"\x00", {"x": r"\ud800🚀"}]}


@pytest.mark.parametrize("token", ["tenant\0token", "tenant\ntoken", "tenant\ud800token"])
def test_a_token_that_no_table_could_keep_is_refused(kit, explo, client, token):
    explo.will(kit.respond(changed_group(kit, token=token)))

    error = kit.failure(lambda: kit.create(client))

    assert_refused(kit, explo, error)
    assert "control characters" in str(error)


def test_what_goes_to_xcom_loses_no_digit():
    details = {"properties": {"rate": [Decimal("0.1000000000000000055"), 0.5, 2**80]}}
    group = UserGroup(provided_id="acme", token="t", details=details)

    assert group.without_token() == {
        "provided_id": "acme",
        "name": None,
        "properties": {"rate": ["0.1000000000000000055", 0.5, 2**80]},
        "new_user_group": None,
    }
