"""Explo's rules: levels and parents, data sources, group tags, the filters and the size of the list."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from airflow_provider_explo.emulator import ApiToken, ExploEmulator

from .conftest import TESTING, Send

CREATE = "/api/create_customer/"
UPDATE = "/api/update_customer/"
LIST = "/v2/api/customers/"


def post(explo: ExploEmulator, path: str, body: dict[str, Any], token: str | None = None) -> requests.Response:
    headers = {"Explo-Authorization": f"Token {token or explo.token}"}
    return requests.post(explo.url + path, json=body, headers=headers, timeout=10)


def test_tokens_are_64_lowercase_hex_digits(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, {"provided_id": "a", "name": "A"})
    first = explo.groups[0].token
    send("POST", "/api/refresh_customer_token/", {"current_token": first})

    assert all(re.fullmatch("[0-9a-f]{64}", token) for token in (first, explo.groups[0].token))


@pytest.mark.parametrize("path", [CREATE, "/embed/create_user_group/", "/api/create_user_group/"])
def test_no_level_means_the_root_level(path: str) -> None:
    with ExploEmulator() as explo:
        post(explo, path, {"provided_id": "a", "user_group_id": "a", "name": "A"})
        post(explo, CREATE, {"provided_id": "b", "name": "B", "hierarchy_level_name": None})
        post(explo, CREATE, {"provided_id": "c", "name": "C", "hierarchy_level_name": "User"})

        assert [group.hierarchy_level for group in explo.groups] == ["Customer", "Customer", "User"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"hierarchy_level_name": "User"}, 200),
        ({"hierarchy_level_name": "user"}, 400),
        ({"hierarchy_level_name": "Region"}, 400),
        ({"hierarchy_level_name": "User", "parent_provided_id": "top"}, 200),
        ({"parent_provided_id": "top"}, 400),
        ({"hierarchy_level_name": "Customer", "parent_provided_id": "top"}, 400),
        ({"hierarchy_level_name": "User", "parent_provided_id": "low"}, 400),
        ({"hierarchy_level_name": "User", "parent_provided_id": "unknown"}, 400),
    ],
)
def test_a_parent_stands_at_a_higher_level(fields: dict[str, Any], status: int) -> None:
    with ExploEmulator() as explo:
        explo.add(provided_id="top")
        explo.add(provided_id="low", hierarchy_level_name="User")
        created = post(explo, CREATE, {"provided_id": "x", "name": "X", **fields})
        explo.add(provided_id="y")
        updated = post(explo, UPDATE, {"provided_id": "y", **fields})

        assert (created.status_code, updated.status_code) == (status, status)
        assert len(explo.groups) == 3 + (status == 200)
        if status == 400:
            assert created.json()["error"].startswith(("hierarchy_level_name", "parent_provided_id"))
            assert explo.groups[-1].hierarchy_level == "Customer"


def test_a_parent_is_in_the_same_visibility_group(send: Send, explo: ExploEmulator) -> None:
    explo.add(provided_id="top")
    child = {"provided_id": "x", "name": "X", "hierarchy_level_name": "User", "parent_provided_id": "top"}

    assert send("POST", CREATE, child, token=TESTING).status_code == 400
    assert send("POST", CREATE, child).status_code == 200


def test_a_level_stays_above_the_childrens(send: Send, explo: ExploEmulator) -> None:
    explo.add(provided_id="top")
    explo.add(provided_id="child", hierarchy_level_name="Region", parent_provided_id="top")

    assert send("POST", UPDATE, {"provided_id": "top", "hierarchy_level_name": "Region"}).status_code == 400
    assert send("POST", UPDATE, {"provided_id": "child", "hierarchy_level_name": None}).status_code == 400
    assert send("POST", UPDATE, {"provided_id": "child", "hierarchy_level_name": "User"}).status_code == 200
    assert send("POST", UPDATE, {"provided_id": "top", "hierarchy_level_name": "Region"}).status_code == 200
    assert [group.hierarchy_level for group in explo.groups] == ["Region", "User"]


def test_a_file_of_other_levels_is_still_served(tmp_path: Any) -> None:
    with ExploEmulator(database=tmp_path / "explo.db", hierarchy_levels=("Company", "Team")) as explo:
        explo.add(provided_id="top")
    with ExploEmulator(database=tmp_path / "explo.db") as explo:
        explo.add(provided_id="child", hierarchy_level_name="User", parent_provided_id="top")
        assert explo.edit("top", name="Top").hierarchy_level == "Company"


def test_data_sources_of_the_visibility_group() -> None:
    sources = {"production": ["213", "386"], "testing": ["9"]}
    tokens = [ApiToken(name, visibility_group=name, environment_tag="Testing") for name in ("testing", "other")]
    with ExploEmulator(tokens=tokens, data_sources=sources) as explo:
        body = {"provided_id": "a", "user_group_id": "a", "name": "A"}
        refused = post(explo, "/embed/create_user_group/", {**body, "mapping": {"40": "213", "41": "9"}})

        assert (refused.status_code, refused.json()["guess"]) == (400, True)
        assert refused.json()["error"] == "mapping: no such data source in the data visibility group: 9"
        assert explo.groups == []
        assert post(explo, CREATE, {**body, "mapping": {"40": 213}}).status_code == 200
        assert post(explo, UPDATE, {**body, "mapping": {"40": "7"}}).status_code == 400
        assert explo.groups[0].mapping == {"40": "213"}
        assert post(explo, CREATE, {**body, "mapping": {"1": "9"}}, token="testing").status_code == 200
        assert (
            post(explo, CREATE, {**body, "provided_id": "b", "mapping": {"1": "x"}}, token="other").status_code == 200
        )
    with ExploEmulator(data_sources=["1"]) as explo, pytest.raises(ValueError, match="no such data source"):
        explo.add(provided_id="a", mapping={"1": "2"})


def test_group_tags_are_renamed_and_deleted_with_the_customers_that_have_them(send: Send, explo: ExploEmulator) -> None:
    for name in ("gold", "blue", "red"):
        explo.add_tag(name)
    explo.add_tag("gold")
    explo.add(provided_id="a", group_tags=["gold", "blue"])
    renamed = send("POST", "/api/rename_group_tag/", {"name": "gold", "new_name": "platinum"})
    deleted = send("POST", "/api/delete_group_tag/", {"name": "blue"})

    assert renamed.json() == {"success": 1, "group_tag": {"name": "platinum"}}
    assert deleted.json() == {"success": 1}
    assert "X-Explo-Emulator-Guess" not in {**renamed.headers, **deleted.headers}
    assert explo.tags == ["platinum", "red"]
    assert explo.groups[0].group_tags == ["platinum"]
    assert send("POST", "/api/rename_group_tag/", {"name": "red", "new_name": "platinum"}).status_code == 400
    assert send("POST", "/api/rename_group_tag/", {"name": "gold", "new_name": "x"}).status_code == 404
    assert send("POST", "/api/rename_group_tag/", {"name": "red"}).json()["error"] == "new_name is required"
    assert send("POST", "/api/delete_group_tag/", {"name": "blue"}).status_code == 404
    assert explo.tags == ["platinum", "red"]


def test_an_unknown_tag_refuses_the_customer(send: Send, explo: ExploEmulator) -> None:
    refused = send("POST", CREATE, {"provided_id": "a", "name": "A", "group_tags": ["gold"]})

    assert (refused.status_code, explo.groups) == (400, [])


def test_filters_of_the_list(send: Send, explo: ExploEmulator) -> None:
    explo.add_many([{"provided_id": "top"}, {"provided_id": "other"}])
    explo.add_many(
        {"provided_id": f"r{n}", "hierarchy_level_name": "Region", "parent_provided_id": "top"} for n in "12"
    )
    explo.add(provided_id="u", hierarchy_level_name="User", parent_provided_id="r1")

    def ids(query: str) -> tuple[int, list[str]]:
        page = send("GET", LIST + query).json()
        return page["total_count"], [row["provided_id"] for row in page["results"]["customers"]]

    assert ids("?parent_provided_id=top") == (2, ["r1", "r2"])
    assert ids("?parent_provided_id=top&page=2&page_size=1") == (2, ["r2"])
    assert ids("?hierarchy_level_name=Customer") == (2, ["top", "other"])
    assert ids("?hierarchy_level_name=User&parent_provided_id=top") == (0, [])
    assert ids("?parent_provided_id=other") == ids("?parent_provided_id=unknown") == (0, [])
    assert ids("?hierarchy_level_name=unknown") == (0, [])


def test_the_page_size_may_be_capped() -> None:
    with ExploEmulator(max_page_size=20) as explo:
        explo.add_many(45)
        headers = {"Explo-Authorization": f"Token {explo.token}", "Content-Type": "application/json"}
        pages = [
            requests.get(f"{explo.url}{LIST}?page={page}&page_size=1000", headers=headers, timeout=10).json()
            for page in range(1, 5)
        ]

        assert [len(page["results"]["customers"]) for page in pages] == [20, 20, 5, 0]
        assert {page["total_count"] for page in pages} == {45}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hierarchy_levels": ()}, "hierarchy_levels"),
        ({"hierarchy_levels": ("A", "B", "C", "D")}, "hierarchy_levels"),
        ({"hierarchy_levels": ("A", "A")}, "hierarchy_levels"),
        ({"max_page_size": 0}, "max_page_size"),
        ({"max_page_size": 1001}, "max_page_size"),
        ({"data_sources": "213"}, "data_sources"),
        ({"gone": {"customers": 500}}, "gone"),
        ({"gone": "customers"}, "gone"),
        ({"gone": [""]}, "gone"),
    ],
)
def test_settings_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExploEmulator(**arguments)
