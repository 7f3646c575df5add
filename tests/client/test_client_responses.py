"""A 2xx response: accepted only in its documented shape."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.exceptions import ExploProtocolError

OTHER = "tenant-2"


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
    explo.will(kit.respond({**kit.changed_group(colour="blue", children=[1, {"a": None}]), "request_id": "r-1"}))

    assert kit.create(client).details == {"team_id": 3, "colour": "blue", "children": [1, {"a": None}]}


def test_a_name_may_be_absent_or_null(kit, explo, client):
    explo.will(kit.respond(kit.created(user_group=kit.without(kit.group(), "name"))))
    explo.will(kit.respond(kit.changed_group(name=None)))

    assert kit.create(client).name is None
    assert kit.create(client).name is None


def test_numbers_arrive_with_every_digit(kit, explo, client):
    text = json.dumps(kit.changed_group(properties={"id": 2**63 + 1, "price": "?"}))
    explo.will(kit.respond(text.replace('"?"', "0.10000000000000000000001").encode()))

    assert kit.create(client).details["properties"] == {
        "id": 9223372036854775809,
        "price": Decimal("0.10000000000000000000001"),
    }


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
    explo.will(kit.respond(kit.changed_group(token=token, **filled(field, token))))

    group = kit.create(client)

    assert group.token == token
    assert group.details == {"team_id": 3}
    assert token not in repr(group)


def test_a_callers_own_property_called_token_is_kept(kit, explo, client):
    explo.will(kit.respond(kit.changed_group(properties={"css_token": "blue"})))

    assert kit.create(client).details["properties"] == {"css_token": "blue"}


def test_details_nested_deep_do_not_break_the_search_for_tokens(kit, explo, client):
    deep = '{"a":' * 450 + "1" + "}" * 450
    explo.will(kit.respond(json.dumps(kit.changed_group(x="?")).replace('"?"', deep).encode()))

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
    explo.will(kit.respond(kit.changed_group(provided_id=kit.TENANT_TOKEN)))

    kit.assert_refused(explo, kit.failure(lambda: kit.create(client)))


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
    explo.will(kit.respond(kit.changed_group(name="a\0b", properties={"k\0": ["\0", {"x": "\ud800🚀"}]}, team_id=3)))

    kept = kit.create(client).without_token()

    assert kept["name"] == r"a\x00b"
    assert kept["properties"] == {r"k\x00": [r"\x00", {"x": r"\ud800🚀"}]}


@pytest.mark.parametrize("token", ["tenant\0token", "tenant\ntoken", "tenant\ud800token"])
def test_a_token_that_no_table_could_keep_is_refused(kit, explo, client, token):
    explo.will(kit.respond(kit.changed_group(token=token)))

    error = kit.failure(lambda: kit.create(client))

    kit.assert_refused(explo, error)
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
