"""What goes out: method, path, headers and body of every request, to the byte."""

from __future__ import annotations

import platform
from decimal import Decimal

import pytest

from airflow_provider_explo import __version__
from airflow_provider_explo.exceptions import ExploConfigError, ExploValidationError
from airflow_provider_explo.tenants.tenant import FIELDS, Field

HEADERS = {
    "Accept",
    "Accept-Encoding",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Explo-Authorization",
    "Host",
    "User-Agent",
}
OPERATIONS = {
    "create": lambda client: client.create_user_group(user_group_id="acme", name="Acme"),
    "update": lambda client: client.update_user_group(user_group_id="acme", properties={"plan": "gold"}),
    "delete": lambda client: client.delete_user_group(current_token="old"),
    "refresh": lambda client: client.refresh_user_group_token(current_token="old"),
    "get": lambda client: client.get_user_group(user_group_id="acme"),
    "list": lambda client: list(client.list_user_groups()),
    "jwt": lambda client: client.generate_jwt(user_group_id="acme", embed_id="dash-1", expiration="PT1H"),
}
ID, CUSTOMER_ID, TOKEN = {"user_group_id": "acme"}, {"provided_id": "acme"}, {"current_token": "old"}
PLAN = {"properties": {"plan": "gold"}}
LIST = ("GET", "/v2/api/customers/?page=1&page_size=1000&pageSize=1000", None)
GET = ("POST", "/api/get_customer/", CUSTOMER_ID)
JWT = ("POST", "/api/generate_jwt/", {**CUSTOMER_ID, "embed_id": "dash-1", "expiration": "PT1H"})
USER_GROUP = {
    "create": ("POST", "/api/create_user_group/", {**ID, "name": "Acme"}),
    "update": ("POST", "/api/update_user_group/", {**ID, **PLAN}),
    "delete": ("DELETE", "/api/delete_user_group/", TOKEN),
    "refresh": ("POST", "/api/refresh_user_group_token/", TOKEN),
    "get": GET,
    "list": LIST,
    "jwt": JWT,
}
EXPECTED = {
    "user_group": USER_GROUP,
    "embed": {**USER_GROUP, "create": ("POST", "/embed/create_user_group/", {**ID, "name": "Acme"})},
    "customer": {
        **USER_GROUP,
        "create": ("POST", "/api/create_customer/", {**CUSTOMER_ID, "name": "Acme"}),
        "update": ("POST", "/api/update_customer/", {**CUSTOMER_ID, **PLAN}),
        "delete": ("DELETE", "/api/delete_customer/", TOKEN),
        "refresh": ("POST", "/api/refresh_customer_token/", TOKEN),
    },
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("api", EXPECTED)
def test_each_family_has_its_documented_requests(kit, explo, new_client, api, operation):
    OPERATIONS[operation](new_client(api=api))

    method, target, body = EXPECTED[api][operation]
    (request,) = explo.received
    assert (request.method, request.target) == (method, target)
    assert (request.json if request.body else None) == body
    assert request.target.partition("?")[0].endswith("/")
    assert request.headers["explo-authorization"] == f"Token {kit.API_TOKEN}"
    assert request.headers["content-type"] == "application/json"


def test_a_request_carries_these_headers_and_no_others(kit, explo, client):
    kit.create(client)

    (request,) = explo.received
    assert set(request.header_names) == HEADERS
    assert len(request.header_names) == len(HEADERS)
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == f"airflow-provider-explo/{__version__} python/{platform.python_version()}"


def test_a_netrc_file_adds_no_authorization(kit, explo, client, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    kit.create(client)

    assert "authorization" not in explo.received[0].headers


def test_a_cookie_is_not_sent_back(kit, explo, client):
    explo.will(kit.respond(kit.created(), headers={"Set-Cookie": "sessionid=1; Path=/"}))

    kit.create(client)
    kit.create(client)

    assert "cookie" not in explo.received[1].headers


def test_numbers_leave_with_every_digit(kit, explo, client):
    properties = {"id": 2**63 + 1, "price": Decimal("0.10000000000000000000001"), "rate": 0.1, "sum": Decimal("1E+30")}

    kit.create(client, properties=properties, mapping={"40": "213"})

    assert explo.received[0].body == (
        b'{"user_group_id":"acme","name":"Acme","mapping":{"40":"213"},'
        b'"properties":{"id":9223372036854775809,"price":0.10000000000000000000001,"rate":0.1,"sum":1E+30}}'
    )


def test_any_unicode_leaves_as_ascii(kit, explo, client):
    client.create_user_group(user_group_id="acme", name='Bäcker & "Söhne" 株式会社 🥨')

    assert explo.received[0].body.isascii()
    assert explo.received[0].json["name"] == 'Bäcker & "Söhne" 株式会社 🥨'


def _nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), b"x", {1, 2}, object(), {1: "x"}, _nested(5000)],
    ids=["nan", "inf", "decimal nan", "decimal inf", "bytes", "set", "object", "integer key", "deep"],
)
def test_what_is_not_json_is_refused_and_not_sent(kit, explo, client, value):
    error = kit.failure(lambda: kit.create(client, properties={"x": value}))

    assert isinstance(error, ExploValidationError)
    assert "acme" in str(error)
    assert "create_user_group" in str(error)
    assert explo.received == []


def test_what_is_not_given_is_not_sent_and_what_is_empty_is(kit, explo, client):
    kit.create(client, mapping=None, properties={})

    assert explo.received[0].json == {"user_group_id": "acme", "name": "Acme", "properties": {}}


@pytest.mark.parametrize("prefix", ["/gateway/explo", "/gateway/explo/"])
def test_a_path_prefix_stands_before_every_path(kit, explo, new_client, prefix):
    kit.create(new_client(base_url=explo.url + prefix))

    assert explo.received[0].target == "/gateway/explo/embed/create_user_group/"


def test_a_probe_asks_for_one_customer_and_is_not_sent_again(kit, explo, client):
    explo.will(kit.respond(status=503))

    kit.failure(client.probe)
    client.probe()

    assert [request.target for request in explo.received] == [
        "/v2/api/customers/?page=1&page_size=1&pageSize=1",
    ] * 2


def test_an_unknown_field_is_a_type_error_that_names_the_known_ones(explo, client):
    with pytest.raises(
        TypeError, match=r"create_user_group\(\): unknown fields: colour; known fields: user_group_id, n"
    ):
        client.create_user_group(user_group_id="acme", name="Acme", colour="blue")
    with pytest.raises(TypeError, match=r"update_user_group\(\): unknown fields: mappings"):
        client.update_user_group(user_group_id="acme", mappings=None)
    assert explo.received == []


@pytest.mark.parametrize("fields", [{}, {"name": None, "properties": {}}])
def test_creating_without_a_name_is_a_type_error(explo, client, fields):
    with pytest.raises(TypeError, match=r"create_user_group\(\): missing required fields: name"):
        client.create_user_group(user_group_id="acme", **fields)
    assert explo.received == []


def test_an_update_without_an_id_is_a_type_error(explo, client):
    with pytest.raises(TypeError, match="missing required fields: user_group_id"):
        client.update_user_group(user_group_id=None, name="Acme")
    assert explo.received == []


@pytest.fixture
def tier(monkeypatch):
    """A field that only the Customer API has, described in the one place where fields are."""
    field = Field("tier", customer_key="tier_name", apis=("customer",))
    monkeypatch.setitem(FIELDS, "tier", field)


@pytest.mark.usefixtures("tier")
@pytest.mark.parametrize("operation", ["create_user_group", "update_user_group"])
def test_a_field_that_the_api_cannot_carry_is_a_config_error(kit, explo, new_client, operation):
    with pytest.raises(ExploConfigError, match=r"(?s)tenant 'acme': .*'embed' cannot carry tier.*api: customer"):
        getattr(new_client(), operation)(user_group_id="acme", name="Acme", tier="gold")
    kit.create(new_client(), tier=None)

    assert explo.received[0].json == {"user_group_id": "acme", "name": "Acme"}


@pytest.mark.usefixtures("tier")
def test_a_new_field_is_sent_under_its_key(kit, explo, new_client):
    kit.create(new_client(api="customer"), tier="gold")

    assert explo.received[0].json == {"provided_id": "acme", "name": "Acme", "tier_name": "gold"}
