"""The Customer API: the list, tags, parents, renaming, JWTs."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from airflow_provider_explo.emulator import ExploEmulator

from .conftest import READ_ONLY, TESTING, Send

CREATE = "/api/create_customer/"
UPDATE = "/api/update_customer/"
LIST = "/v2/api/customers/"


def make(send: Send, provided_id: str, **fields: Any) -> dict[str, Any]:
    response = send("POST", CREATE, {"provided_id": provided_id, "name": provided_id.upper(), **fields})
    assert response.status_code == 200, response.text
    return response.json()["customer"]


def test_create_returns_the_customer_object(send: Send) -> None:
    send("POST", "/api/create_group_tag/", {"name": "gold"})
    body = {
        "provided_id": "a",
        "name": "A",
        "mapping": {"40": "213"},
        "properties": {"x": 1},
        "is_demo_group": True,
        "emails": ["a@example.com"],
        "group_tags": ["gold"],
        "hierarchy_level_name": "User",
    }
    response = send("POST", CREATE, body).json()
    customer = response.pop("customer")

    assert response == {"success": 1, "new_customer": True}
    assert len(customer.pop("token")) >= 36
    assert customer == {
        "name": "A",
        "provided_id": "a",
        "is_demo_group": True,
        "emails": ["a@example.com"],
        "group_tags": ["gold"],
        "properties": {"x": 1},
        "computed_properties": {"x": 1},
        "access_group": "production",
        "parent_schema_datasource_mapping": {"40": "213"},
        "computed_parent_schema_datasource_mapping": {"40": "213"},
        "hierarchy_level": "User",
    }
    assert send("POST", CREATE, {"provided_id": "a", "name": "Z"}).json()["new_customer"] is False


def test_a_user_group_is_a_customer(send: Send) -> None:
    group = send("POST", "/embed/create_user_group/", {"user_group_id": "a", "name": "A"}).json()["user_group"]
    customer = send("POST", "/api/get_customer/", {"provided_id": "a"}, token=READ_ONLY).json()["customer"]

    assert customer["token"] == group["token"]
    missing = send("POST", "/api/get_customer/", {"provided_id": "b"})
    assert (missing.status_code, missing.json()["guess"]) == (404, True)


def test_children_inherit_and_protect_their_parents(send: Send, explo: ExploEmulator) -> None:
    top = make(send, "top", properties={"a": 1, "b": 1}, mapping={"1": "1", "2": "1"})
    middle = {"hierarchy_level_name": "Region", "parent_provided_id": "top"}
    make(send, "middle", properties={"b": 2, "c": 2}, **middle)
    leaf = make(
        send, "leaf", properties={"c": 3}, mapping={"2": "3"}, hierarchy_level_name="User", parent_provided_id="middle"
    )

    assert leaf["computed_properties"] == {"a": 1, "b": 2, "c": 3}
    assert leaf["computed_parent_schema_datasource_mapping"] == {"1": "1", "2": "3"}
    assert leaf["parent_schema_datasource_mapping"] == {"2": "3"}
    assert send("DELETE", "/api/delete_customer/", {"current_token": top["token"]}).status_code == 400
    assert send("POST", UPDATE, {"provided_id": "top", "parent_provided_id": "leaf"}).status_code == 400
    assert send("POST", UPDATE, {"provided_id": "top", "parent_provided_id": "top"}).status_code == 400
    assert send("POST", CREATE, {"provided_id": "x", "name": "X", "parent_provided_id": "no"}).status_code == 400

    assert send("POST", UPDATE, {"provided_id": "middle", "parent_provided_id": None}).status_code == 200
    assert send("DELETE", "/api/delete_customer/", {"current_token": top["token"]}).json() == {"success": 1}
    assert [group.parent_provided_id for group in explo.groups] == [None, "middle"]


def test_new_provided_id_renames_once(send: Send, explo: ExploEmulator) -> None:
    parent = make(send, "old")
    make(send, "child", hierarchy_level_name="User", parent_provided_id="old")
    make(send, "other")
    rename = {"provided_id": "old", "new_provided_id": "new"}

    renamed = send("POST", UPDATE, rename).json()

    assert (renamed["success"], renamed["customer"]["provided_id"]) == (1, "new")
    assert renamed["customer"]["token"] == parent["token"]
    assert explo.groups[1].parent_provided_id == "new"
    assert send("POST", UPDATE, rename).status_code == 404
    taken = send("POST", UPDATE, {"provided_id": "new", "new_provided_id": "other"})
    assert (taken.status_code, taken.json()["error"][:15]) == (400, "new_provided_id")


def test_group_tags_must_exist_and_are_replaced(send: Send) -> None:
    created = send("POST", "/api/create_group_tag/", {"name": "gold"})
    again = send("POST", "/api/create_group_tag/", {"name": "gold"})
    send("POST", "/api/create_group_tag/", {"name": "blue"})
    make(send, "a", group_tags=["gold"])
    update = send("POST", UPDATE, {"provided_id": "a", "group_tags": ["blue"]}).json()
    unknown = send("POST", UPDATE, {"provided_id": "a", "group_tags": ["red"]})
    listed = send("GET", "/api/group_tags/", token=READ_ONLY)

    assert created.json() == {"success": 1, "group_tag": {"name": "gold"}}
    assert "X-Explo-Emulator-Guess" not in created.headers
    assert "X-Explo-Emulator-Guess" not in listed.headers
    assert (again.status_code, again.json()["success"]) == (400, 0)
    assert update["customer"]["group_tags"] == ["blue"]
    assert (unknown.status_code, unknown.json()["error"]) == (400, "group_tags must exist; unknown: red")
    assert [tag["name"] for tag in listed.json()["group_tags"]] == ["gold", "blue"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("emails", "a@b"), ("emails", [1]), ("group_tags", {}), ("hierarchy_level_name", 1), ("parent_provided_id", [])],
)
def test_wrong_types_of_a_customer(send: Send, field: str, value: object) -> None:
    response = send("POST", CREATE, {"provided_id": "a", "name": "A", field: value})

    assert response.status_code == 400
    assert response.json()["error"].startswith(field)


def test_refresh_customer_token(send: Send) -> None:
    old = make(send, "a")["token"]
    fresh = send("POST", "/api/refresh_customer_token/", {"current_token": old}).json()

    assert fresh["customer"]["token"] != old
    assert send("POST", "/api/get_customer/", {"provided_id": "a"}).json()["customer"] == fresh["customer"]


def test_the_list_is_paged(send: Send) -> None:
    for number in range(23):
        make(send, f"id{number}")
    send("POST", CREATE, {"provided_id": "elsewhere", "name": "E"}, token=TESTING)

    def ids(query: str) -> list[str]:
        document = send("GET", LIST + query, token=READ_ONLY).json()
        assert document["total_count"] == 23
        assert "success" not in document
        assert all(row["token"] for row in document["results"]["customers"])
        return [row["provided_id"] for row in document["results"]["customers"]]

    assert len(ids("")) == 20
    assert ids("?page=2") == ["id20", "id21", "id22"]
    assert ids("?page=3") == []
    assert ids("?page=2&page_size=5&pageSize=5") == [f"id{number}" for number in range(5, 10)]
    assert ids("?pageSize=2") == ids("?page_size=2") == ["id0", "id1"]
    assert len(ids("?page_size=5000")) == 23
    for query in ("?page=0", "?page=x", "?page_size=-1", "?pageSize=", "?page=99999999999999999999"):
        assert send("GET", LIST + query).status_code == 400


@pytest.mark.slow
def test_a_page_holds_a_thousand_at_most(send: Send, explo: ExploEmulator) -> None:
    for number in range(1005):
        make(send, str(number))

    assert len(send("GET", f"{LIST}?page_size=1001").json()["results"]["customers"]) == 1000
    assert len(send("GET", f"{LIST}?page_size=1001&page=2").json()["results"]["customers"]) == 5


@pytest.mark.parametrize(
    ("expiration", "seconds"),
    [
        ({}, 86_400),
        ({"expiration": "PT1H"}, 3_600),
        ({"expiration": "P1DT12H30M1.5S"}, 131_402),
        ({"expiration": "P2W"}, 1_209_600),
    ],
)
def test_generate_jwt(send: Send, explo: ExploEmulator, expiration: dict[str, str], seconds: int) -> None:
    make(send, "a")
    body = {"provided_id": "a", "embed_id": "dash", "key_id": "k1", "embed_origin": "https://example.com", **expiration}
    response = send("POST", "/api/generate_jwt/", body).json()
    header, key, nonce, _, tag = (base64.urlsafe_b64decode(part + "==") for part in response["jwt"].split("."))
    claims = explo.read_jwt(response["jwt"])

    assert response["success"] == 1
    assert json.loads(header) == {"alg": "dir", "enc": "A256GCM", "kid": "k1"}
    assert (key, len(nonce), len(tag)) == (b"", 12, 16)
    assert (claims["cst"], claims["dsh"], claims["embed_origin"]) == ("a", "dash", "https://example.com")
    assert claims["exp"] - claims["iat"] == pytest.approx(seconds, abs=1)
    assert claims["iat"] == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("expiration", ["", "P", "PT", "1H", "PT0S", "P1Y", "P1DT", 60, "PT99999999999H"])
def test_generate_jwt_refuses_anything_but_a_duration(send: Send, expiration: object) -> None:
    make(send, "a")
    response = send("POST", "/api/generate_jwt/", {"provided_id": "a", "embed_id": "d", "expiration": expiration})

    assert response.status_code == 400
    assert response.json()["error"].startswith("expiration")
    assert send("POST", "/api/generate_jwt/", {"provided_id": "b", "embed_id": "d"}).status_code == 404


def test_a_read_only_token_may_not_write(send: Send) -> None:
    for method, path in (
        ("POST", "/embed/create_user_group/"),
        ("POST", "/api/create_user_group/"),
        ("POST", "/embed/update_user_group/"),
        ("POST", "/api/update_user_group/"),
        ("DELETE", "/api/delete_user_group/"),
        ("POST", "/api/refresh_user_group_token/"),
        ("POST", CREATE),
        ("POST", UPDATE),
        ("DELETE", "/api/delete_customer/"),
        ("POST", "/api/refresh_customer_token/"),
        ("POST", "/api/create_group_tag/"),
        ("POST", "/api/rename_group_tag/"),
        ("POST", "/api/delete_group_tag/"),
    ):
        assert send(method, path, {}, token=READ_ONLY).status_code == 403, path
        assert send(method, path.rstrip("/"), {}).json()["error"] == "Method not allowed", path
        assert send("PUT", path, {}).status_code == 405, path


def test_unknown_paths(send: Send) -> None:
    assert send("GET", LIST.rstrip("/")).status_code == 405
    assert send("GET", "/api/nothing/").status_code == 404
    assert send("GET", "/docs").status_code == 405
