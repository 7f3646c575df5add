"""Changes in Explo itself, beside the API: add, add_many, edit, delete, refresh_token."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_explo.emulator import ExploEmulator

from .conftest import Send


def test_add_makes_a_customer_without_a_request(send: Send, explo: ExploEmulator) -> None:
    explo.add_tag("gold")
    fields: dict[str, Any] = {
        "name": "Acme",
        "mapping": {"40": "213"},
        "properties": {"x": [1]},
        "is_demo_group": True,
        "emails": ["a@example.com"],
        "group_tags": ["gold"],
        "hierarchy_level_name": "Region",
    }
    group = explo.add(provided_id="acme", **fields)

    assert explo.groups == [group]
    assert (group.visibility_group, group.environment_tag) == ("production", "Customer")
    assert explo.request_count == 0
    customer = send("POST", "/api/get_customer/", {"provided_id": "acme"}).json()["customer"]
    assert customer["token"] == group.token
    assert customer["hierarchy_level"] == fields.pop("hierarchy_level_name")
    assert customer["parent_schema_datasource_mapping"] == fields.pop("mapping")
    assert {name: customer[name] for name in fields} == fields
    assert explo.add(provided_id="b").name == "b"
    assert explo.add(provided_id="acme", visibility_group="testing").environment_tag == "Testing"


def test_edit_delete_and_refresh(send: Send, explo: ExploEmulator) -> None:
    made = explo.add(provided_id="a", name="A", mapping={"1": "2"}, properties={"x": 1})
    edited = explo.edit("a", name="B", properties={"y": 2})
    token = explo.refresh_token("a")

    assert (edited.name, edited.properties, edited.mapping, edited.token) == ("B", {"y": 2}, {"1": "2"}, made.token)
    assert token != made.token
    assert explo.groups[0].token == token
    assert send("DELETE", "/api/delete_customer/", {"current_token": made.token}).status_code == 404
    assert explo.edit("a", new_provided_id="z").provided_id == "z"
    explo.delete("z")
    assert explo.groups == []
    assert explo.request_count == 1


def test_the_rules_hold_here_too(explo: ExploEmulator) -> None:
    explo.add(provided_id="top")
    explo.add(provided_id="child", hierarchy_level_name="User", parent_provided_id="top")
    for message, change in (
        ("unique in the environment", lambda: explo.add(provided_id="top")),
        ("unique in the environment", lambda: explo.edit("child", new_provided_id="top")),
        ("a customer has no colour", lambda: explo.add(provided_id="x", colour="red")),
        ("a customer has no colour", lambda: explo.edit("top", colour="red")),
        ("name must be a string", lambda: explo.edit("top", name=5)),
        ("provided_id is required", lambda: explo.add(name="X")),
        ("parent_provided_id", lambda: explo.add(provided_id="x", parent_provided_id="child")),
        ("with children cannot be deleted", lambda: explo.delete("top")),
        ("no customer 'x'", lambda: explo.delete("x")),
        ("no customer 'x'", lambda: explo.refresh_token("x")),
        ("No such customer", lambda: explo.edit("x", name="X")),
        ("no API token belongs", lambda: explo.add(provided_id="x", visibility_group="unknown")),
    ):
        with pytest.raises(ValueError, match=message):
            change()
    assert [group.provided_id for group in explo.groups] == ["top", "child"]


def test_add_many_is_all_or_nothing(explo: ExploEmulator) -> None:
    explo.add_many(3)
    assert [(group.provided_id, group.name) for group in explo.groups] == [
        ("tenant-1", "Tenant 1"),
        ("tenant-2", "Tenant 2"),
        ("tenant-3", "Tenant 3"),
    ]
    for rows in ([{"provided_id": "a"}, {"provided_id": "a"}], [{"provided_id": "a"}, 5], [{}], 5, None):
        with pytest.raises(ValueError):
            explo.add_many(rows)  # type: ignore[arg-type]
    assert len(explo.groups) == 3


@pytest.mark.slow
def test_a_hundred_thousand_customers(send: Send, explo: ExploEmulator) -> None:
    before = time.process_time()
    explo.add_many(100_000)

    assert time.process_time() - before < 20
    page = send("GET", "/v2/api/customers/?page=100&page_size=1000").json()
    assert page["total_count"] == 100_000
    assert page["results"]["customers"][-1]["provided_id"] == "tenant-100000"


def test_over_http(send: Send, explo: ExploEmulator) -> None:
    assert send("POST", "/_emulator/groups", 2).json() == {"count": 2}
    assert send("POST", "/_emulator/groups", [{"provided_id": "a"}]).json() == {"count": 3}
    for body in ([{"provided_id": "a"}], [5], {"provided_id": "b"}, "c", None):
        assert send("POST", "/_emulator/groups", body).status_code == 422
    assert [group.provided_id for group in explo.groups] == ["tenant-1", "tenant-2", "a"]
