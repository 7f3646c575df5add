"""The user-group endpoints: get or create, update, delete, refresh."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from airflow_provider_explo.emulator import ExploEmulator

from .conftest import READ_ONLY, SAME_LABEL, TESTING, TOKEN, Send

CREATE = "/embed/create_user_group/"


@pytest.mark.parametrize("path", [CREATE, "/api/create_user_group/"])
def test_create_returns_the_documented_shape(send: Send, path: str) -> None:
    body = {"user_group_id": "example_1", "name": "Example 1", "mapping": {"40": "213"}, "properties": {"a": [1, None]}}
    response = send("POST", path, body)

    assert response.status_code == 200
    assert "X-Explo-Emulator-Guess" not in response.headers
    document = response.json()
    group = document["user_group"]
    assert document["success"] == 1
    assert document["success"] is not True
    assert document["new_user_group"] is True
    assert (group["name"], group["provided_id"], group["properties"]) == ("Example 1", "example_1", {"a": [1, None]})
    assert isinstance(group["team_id"], int)
    assert group["api_environment_tag"] == "Customer"
    assert len(group["token"]) >= 36
    assert "example" not in group["token"]
    assert ("is_demo_group" in group) == path.startswith("/api/")


def test_an_existing_group_comes_back_unchanged(send: Send, explo: ExploEmulator) -> None:
    first = send("POST", CREATE, {"user_group_id": "a", "name": "A", "mapping": {"1": "2"}}).json()
    second = send("POST", CREATE, {"user_group_id": "a", "name": "B", "mapping": {"3": "4"}, "properties": {}}).json()

    assert second == {**first, "new_user_group": False}
    assert second["user_group"]["properties"] is None
    assert [(group.name, group.mapping) for group in explo.groups] == [("A", {"1": "2"})]


def test_ids_of_a_mapping_are_kept_as_strings(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, {"user_group_id": "a", "name": "A", "mapping": {"40": 213}})

    assert explo.groups[0].mapping == {"40": "213"}


def test_names_and_ids_of_all_kinds_survive(send: Send) -> None:
    name = 'Żółć "O\'Hara" <script>alert(1)</script> 株式会社 🐙 \u0000'
    group = send("POST", CREATE, {"user_group_id": "é/ü 1", "name": name, "properties": {"🐙": "\ud83d"}}).json()

    assert group["user_group"]["name"] == name
    assert group["user_group"]["provided_id"] == "é/ü 1"
    assert group["user_group"]["properties"] == {"🐙": "\ud83d"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "A"}, "user_group_id"),
        ({"user_group_id": "a"}, "name"),
        ({"user_group_id": 1, "name": "A"}, "user_group_id"),
        ({"user_group_id": "", "name": "A"}, "user_group_id"),
        ({"user_group_id": "\ud800", "name": "A"}, "user_group_id"),
        ({"user_group_id": "a", "name": None}, "name"),
        ({"user_group_id": "a", "name": "A", "mapping": []}, "mapping"),
        ({"user_group_id": "a", "name": "A", "mapping": {"40": {}}}, 'mapping["40"]'),
        ({"user_group_id": "a", "name": "A", "mapping": {"40": True}}, 'mapping["40"]'),
        ({"user_group_id": "a", "name": "A", "properties": "x"}, "properties"),
    ],
)
def test_a_wrong_type_is_a_guessed_400_that_names_the_field(
    send: Send, explo: ExploEmulator, body: dict[str, Any], field: str
) -> None:
    response = send("POST", CREATE, body)

    assert (response.status_code, response.headers["X-Explo-Emulator-Guess"]) == (400, "true")
    assert response.json()["success"] == 0
    assert response.json()["guess"] is True
    assert response.json()["error"].startswith(field)
    assert explo.groups == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"user_group_id": NaN}', "1e999", "[" * 100_000, '"\\ud800"', "\xff"])
def test_a_body_that_is_no_json_object_is_a_guessed_400(explo: ExploEmulator, text: str) -> None:
    headers = {"Explo-Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    response = requests.post(explo.url + CREATE, data=text.encode("latin-1"), headers=headers, timeout=10)

    assert (response.status_code, response.json()["error"]) == (400, "The body must be a JSON object")


def test_nesting_ends_at_a_hundred_levels(send: Send, explo: ExploEmulator) -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"user_group_id": "a", "name": "A", "properties": {"x": json.loads("[" * levels + "]" * levels)}}

    assert send("POST", CREATE, nested(500)).status_code == 400
    assert send("POST", CREATE, nested(99)).status_code == 400
    assert send("POST", CREATE, nested(98)).json()["user_group"]["properties"] == nested(98)["properties"]
    assert send("GET", "/_emulator/groups").status_code == 200


def test_is_demo_group_is_known_under_api_only(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, {"user_group_id": "a", "name": "A", "is_demo_group": True})
    send("POST", "/api/create_user_group/", {"user_group_id": "b", "name": "B", "is_demo_group": True})
    invalid = send("POST", "/api/create_user_group/", {"user_group_id": "c", "name": "C", "is_demo_group": 1})

    assert [group.is_demo_group for group in explo.groups] == [False, True]
    assert invalid.json()["error"] == "is_demo_group must be true or false"


@pytest.mark.parametrize("path", ["/api/update_user_group/", "/embed/update_user_group/"])
def test_update_changes_the_keys_sent_and_replaces_each(send: Send, path: str, explo: ExploEmulator) -> None:
    body = {"user_group_id": "a", "name": "A", "mapping": {"1": "2"}, "properties": {"x": 1}}
    token = send("POST", CREATE, body).json()["user_group"]["token"]

    response = send("POST", path, {"user_group_id": "a", "properties": {"y": 2}}).json()

    assert response["success"] == 1
    assert (response["user_group"]["token"], response["user_group"]["properties"]) == (token, {"y": 2})
    assert (explo.groups[0].name, explo.groups[0].mapping) == ("A", {"1": "2"})
    assert send("POST", path, {"user_group_id": "a"}).json() == response
    assert send("POST", path, {"user_group_id": "a", "mapping": None, "properties": None}).status_code == 200
    assert (explo.groups[0].mapping, explo.groups[0].properties) == ({}, None)
    assert send("POST", path, {"user_group_id": "unknown", "name": "N"}).status_code == 404


def test_delete_wants_the_token_and_not_the_id(send: Send, explo: ExploEmulator) -> None:
    group = send("POST", CREATE, {"user_group_id": "a", "name": "A"}).json()["user_group"]

    assert send("DELETE", "/api/delete_user_group/", {"user_group_id": "a"}).status_code == 400
    assert send("DELETE", "/api/delete_user_group/", {"current_token": "a"}).status_code == 404
    assert send("DELETE", "/api/delete_user_group/", {"current_token": group["token"]}).json() == {"success": 1}
    assert send("DELETE", "/api/delete_user_group/", {"current_token": group["token"]}).status_code == 404
    assert explo.groups == []


def test_refresh_kills_the_old_token(send: Send) -> None:
    group = send("POST", CREATE, {"user_group_id": "a", "name": "A"}).json()["user_group"]
    path, body = "/api/refresh_user_group_token/", {"current_token": group["token"]}

    fresh = send("POST", path, body).json()["user_group"]

    assert fresh["token"] != group["token"]
    assert fresh["provided_id"] == "a"
    assert send("POST", path, body).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Token {TOKEN}"}, 401),
        ({"Explo-Authorization": TOKEN}, 401),
        ({"Explo-Authorization": f"token {TOKEN}"}, 401),
        ({"Explo-Authorization": f"Token  {TOKEN}"}, 401),
        ({"Explo-Authorization": "Token unknown"}, 401),
        ({"Explo-Authorization": f"Token {READ_ONLY}"}, 403),
        ({"Explo-Authorization": f"Token {TOKEN}", "Content-Type": "text/plain"}, 415),
        ({"Explo-Authorization": f"Token {TOKEN}", "Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_headers(send: Send, explo: ExploEmulator, headers: dict[str, str], status: int) -> None:
    response = send(
        "POST", CREATE, {"user_group_id": "a", "name": "A"}, headers={"Content-Type": "application/json", **headers}
    )

    assert response.status_code == status
    assert response.json()["success"] == int(status == 200)
    assert len(explo.groups) == int(status == 200)


def test_another_visibility_group_sees_nothing_and_creates_its_own(send: Send, explo: ExploEmulator) -> None:
    body = {"user_group_id": "a", "name": "A"}
    ours = send("POST", CREATE, body).json()["user_group"]
    theirs = send("POST", CREATE, body, token=TESTING).json()

    assert theirs["new_user_group"] is True
    assert theirs["user_group"]["token"] != ours["token"]
    assert theirs["user_group"]["api_environment_tag"] == "Testing"
    assert [group.visibility_group for group in explo.groups] == ["production", "testing"]
    delete = {"current_token": ours["token"]}
    assert send("DELETE", "/api/delete_user_group/", delete, token=TESTING).status_code == 404
    assert send("POST", "/api/get_customer/", {"provided_id": "a"}, token=SAME_LABEL).status_code == 404


def test_ids_are_unique_under_one_environment_label(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, {"user_group_id": "a", "name": "A"})
    response = send("POST", CREATE, {"user_group_id": "a", "name": "A"}, token=SAME_LABEL)

    assert response.status_code == 400
    assert "unique in the environment Customer" in response.json()["error"]
    assert len(explo.groups) == 1


def test_concurrent_requests_make_one_group(send: Send, explo: ExploEmulator) -> None:
    def create(_: int) -> Any:
        headers = {"Explo-Authorization": f"Token {TOKEN}"}
        body = {"user_group_id": "a", "name": "A"}
        return requests.post(explo.url + CREATE, json=body, headers=headers, timeout=10).json()

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(create, range(64)))

    assert [response["new_user_group"] for response in responses].count(True) == 1
    assert {response["user_group"]["token"] for response in responses} == {explo.groups[0].token}
    assert len(explo.groups) == 1
    assert explo.request_count == 64
