"""The Customer API: the list, tags, parents, renaming, JWTs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from airflow_provider_explo.emulator import ExploEmulator

from .conftest import READ_ONLY, TESTING, Ask

CREATE = "/api/create_customer/"
UPDATE = "/api/update_customer/"
LIST = "/v2/api/customers/"


def make(ask: Ask, provided_id: str, **fields: Any) -> dict[str, Any]:
    answer = ask("POST", CREATE, {"provided_id": provided_id, "name": provided_id.upper(), **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()["customer"]


def test_create_answers_the_customer_object(ask: Ask) -> None:
    ask("POST", "/api/create_group_tag/", {"name": "gold"})
    body = {
        "provided_id": "a",
        "name": "A",
        "mapping": {"40": "213"},
        "properties": {"x": 1},
        "is_demo_group": True,
        "emails": ["a@example.com"],
        "group_tags": ["gold"],
        "hierarchy_level_name": "region",
    }
    answer = ask("POST", CREATE, body).json()
    customer = answer.pop("customer")

    assert answer == {"success": 1, "new_customer": True}
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
        "hierarchy_level": "region",
    }
    assert ask("POST", CREATE, {"provided_id": "a", "name": "Z"}).json()["new_customer"] is False


def test_a_user_group_is_a_customer(ask: Ask) -> None:
    group = ask("POST", "/embed/create_user_group/", {"user_group_id": "a", "name": "A"}).json()["user_group"]
    customer = ask("POST", "/api/get_customer/", {"provided_id": "a"}, token=READ_ONLY).json()["customer"]

    assert customer["token"] == group["token"]
    missing = ask("POST", "/api/get_customer/", {"provided_id": "b"})
    assert (missing.status_code, missing.json()["guess"]) == (404, True)


def test_children_inherit_and_protect_their_parents(ask: Ask, explo: ExploEmulator) -> None:
    top = make(ask, "top", properties={"a": 1, "b": 1}, mapping={"1": "1", "2": "1"})
    make(ask, "middle", properties={"b": 2, "c": 2}, parent_provided_id="top")
    leaf = make(ask, "leaf", properties={"c": 3}, mapping={"2": "3"}, parent_provided_id="middle")

    assert leaf["computed_properties"] == {"a": 1, "b": 2, "c": 3}
    assert leaf["computed_parent_schema_datasource_mapping"] == {"1": "1", "2": "3"}
    assert leaf["parent_schema_datasource_mapping"] == {"2": "3"}
    assert ask("DELETE", "/api/delete_customer/", {"current_token": top["token"]}).status_code == 400
    assert ask("POST", UPDATE, {"provided_id": "top", "parent_provided_id": "leaf"}).status_code == 400
    assert ask("POST", UPDATE, {"provided_id": "top", "parent_provided_id": "top"}).status_code == 400
    assert ask("POST", CREATE, {"provided_id": "x", "name": "X", "parent_provided_id": "no"}).status_code == 400

    assert ask("POST", UPDATE, {"provided_id": "middle", "parent_provided_id": None}).status_code == 200
    assert ask("DELETE", "/api/delete_customer/", {"current_token": top["token"]}).json() == {"success": 1}
    assert [group.parent_provided_id for group in explo.groups] == [None, "middle"]


def test_new_provided_id_renames_once(ask: Ask, explo: ExploEmulator) -> None:
    parent = make(ask, "old")
    make(ask, "child", parent_provided_id="old")
    make(ask, "other")
    rename = {"provided_id": "old", "new_provided_id": "new"}

    renamed = ask("POST", UPDATE, rename).json()

    assert (renamed["success"], renamed["customer"]["provided_id"]) == (1, "new")
    assert renamed["customer"]["token"] == parent["token"]
    assert explo.groups[1].parent_provided_id == "new"
    assert ask("POST", UPDATE, rename).status_code == 404
    taken = ask("POST", UPDATE, {"provided_id": "new", "new_provided_id": "other"})
    assert (taken.status_code, taken.json()["error"][:15]) == (400, "new_provided_id")


def test_group_tags_must_exist_and_are_replaced(ask: Ask) -> None:
    created = ask("POST", "/api/create_group_tag/", {"name": "gold"})
    again = ask("POST", "/api/create_group_tag/", {"name": "gold"})
    ask("POST", "/api/create_group_tag/", {"name": "blue"})
    make(ask, "a", group_tags=["gold"])
    update = ask("POST", UPDATE, {"provided_id": "a", "group_tags": ["blue"]}).json()
    unknown = ask("POST", UPDATE, {"provided_id": "a", "group_tags": ["red"]})
    listed = ask("GET", "/api/group_tags/", token=READ_ONLY)

    assert (created.json()["success"], created.headers["X-Explo-Emulator-Guess"]) == (1, "true")
    assert (again.status_code, again.json()["success"]) == (400, 0)
    assert update["customer"]["group_tags"] == ["blue"]
    assert (unknown.status_code, unknown.json()["error"]) == (400, "group_tags must exist; unknown: red")
    assert [tag["name"] for tag in listed.json()["group_tags"]] == ["gold", "blue"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("emails", "a@b"), ("emails", [1]), ("group_tags", {}), ("hierarchy_level_name", 1), ("parent_provided_id", [])],
)
def test_wrong_types_of_a_customer(ask: Ask, field: str, value: object) -> None:
    answer = ask("POST", CREATE, {"provided_id": "a", "name": "A", field: value})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(field)


def test_refresh_customer_token(ask: Ask) -> None:
    old = make(ask, "a")["token"]
    fresh = ask("POST", "/api/refresh_customer_token/", {"current_token": old}).json()

    assert fresh["customer"]["token"] != old
    assert ask("POST", "/api/get_customer/", {"provided_id": "a"}).json()["customer"] == fresh["customer"]


def test_the_list_is_paged(ask: Ask) -> None:
    for number in range(23):
        make(ask, f"id{number}")
    ask("POST", CREATE, {"provided_id": "elsewhere", "name": "E"}, token=TESTING)

    def ids(query: str) -> list[str]:
        document = ask("GET", LIST + query, token=READ_ONLY).json()
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
        assert ask("GET", LIST + query).status_code == 400


def test_a_page_holds_a_thousand_at_most(ask: Ask, explo: ExploEmulator) -> None:
    for number in range(1005):
        make(ask, str(number))

    assert len(ask("GET", f"{LIST}?page_size=1001").json()["results"]["customers"]) == 1000
    assert len(ask("GET", f"{LIST}?page_size=1001&page=2").json()["results"]["customers"]) == 5


@pytest.mark.parametrize(
    ("expiration", "seconds"),
    [
        ({}, 86_400),
        ({"expiration": "PT1H"}, 3_600),
        ({"expiration": "P1DT12H30M1.5S"}, 131_402),
        ({"expiration": "P2W"}, 1_209_600),
    ],
)
def test_generate_jwt(ask: Ask, expiration: dict[str, str], seconds: int) -> None:
    make(ask, "a")
    body = {"provided_id": "a", "embed_id": "dash", "key_id": "k1", "embed_origin": "https://example.com", **expiration}
    answer = ask("POST", "/api/generate_jwt/", body).json()
    header, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in answer["jwt"].split("."))

    assert answer["success"] == 1
    assert json.loads(header) == {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    assert json.loads(claims)["provided_id"] == "a"
    assert json.loads(claims)["exp"] - json.loads(claims)["iat"] == pytest.approx(seconds, abs=1)
    assert len(signature) == 32


@pytest.mark.parametrize("expiration", ["", "P", "PT", "1H", "PT0S", "P1Y", "P1DT", 60, "PT99999999999H"])
def test_generate_jwt_refuses_what_is_no_duration(ask: Ask, expiration: object) -> None:
    make(ask, "a")
    answer = ask("POST", "/api/generate_jwt/", {"provided_id": "a", "embed_id": "d", "expiration": expiration})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expiration")
    assert ask("POST", "/api/generate_jwt/", {"provided_id": "b", "embed_id": "d"}).status_code == 404


def test_a_read_only_token_may_not_write(ask: Ask) -> None:
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
    ):
        assert ask(method, path, {}, token=READ_ONLY).status_code == 403, path
        assert ask(method, path.rstrip("/"), {}).json()["error"] == "Method not allowed", path
        assert ask("PUT", path, {}).status_code == 405, path


def test_paths_that_are_none(ask: Ask) -> None:
    assert ask("GET", LIST.rstrip("/")).status_code == 405
    assert ask("GET", "/api/nothing/").status_code == 404
    assert ask("GET", "/docs").status_code == 405
