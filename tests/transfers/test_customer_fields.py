"""The Customer API's fields, from the query to Explo and back: never dropped, compared, updated; parents first."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from tests.transfers.conftest import examples

COLUMNS = "emails TEXT, group_tags TEXT, is_demo_group INT, parent_provided_id TEXT, hierarchy_level_name TEXT"
FIELDS = "emails, group_tags, is_demo_group, parent_provided_id, hierarchy_level_name"
SQL = f"SELECT tenant_id AS user_group_id, name, {FIELDS} FROM customers ORDER BY rowid"


@pytest.fixture
def customers(database, explo_connection, monkeypatch):
    connection = explo_connection.connection_json(api="customer", requests_per_minute=60_000)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)
    database.run(f"CREATE TABLE customers (tenant_id TEXT, name TEXT, {COLUMNS})")
    database.run(
        "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)",
        ("acme-u1", "Ann", '["ann@acme.com"]', "[]", 0, "acme", "User"),
        ("acme", "Acme", '["b@acme.com", "a@acme.com"]', '["enterprise", "eu"]', 1, None, "Customer"),
    )
    return database


def stored(emulator):
    return {group.provided_id: group for group in emulator.groups}


def test_each_field_reaches_explo_and_is_compared(sync, customers, explo_connection):
    run = sync(sql=SQL, create_group_tags=True)
    assert run.counts == {"created": 2}
    acme, ann = stored(explo_connection)["acme"], stored(explo_connection)["acme-u1"]
    assert (acme.emails, sorted(acme.group_tags), acme.is_demo_group) == (
        ["b@acme.com", "a@acme.com"],
        ["enterprise", "eu"],
        True,
    )
    assert (ann.parent_provided_id, ann.hierarchy_level, ann.is_demo_group) == ("acme", "User", False)
    assert sorted(explo_connection.tags) == ["enterprise", "eu"]
    assert sync(sql=SQL, if_exists="update").counts == {"unchanged": 2}
    customers.run("UPDATE customers SET emails = '[\"a@acme.com\", \"b@acme.com\"]' WHERE tenant_id = 'acme'")
    assert sync(sql=SQL, if_exists="update").counts == {"unchanged": 2}
    customers.run("UPDATE customers SET is_demo_group = 0, emails = '[\"c@acme.com\"]' WHERE tenant_id = 'acme'")
    run = sync(sql=SQL, if_exists="update")
    assert run.counts == {"updated": 1, "unchanged": 1}
    (body,) = [request.body for request in run.requests if request.path == "/api/update_customer/"]
    assert body == {"provided_id": "acme", "emails": ["c@acme.com"], "is_demo_group": False}


def test_a_tag_that_does_not_exist_fails_its_tenant_alone(sync, customers, explo_connection):
    run = sync(sql=SQL)
    assert run.counts["failed"] >= 1
    assert "acme" not in stored(explo_connection)


@pytest.mark.parametrize(
    ("api", "field"),
    [
        ("embed", "is_demo_group"),
        ("embed", "emails"),
        ("user_group", "group_tags"),
        ("user_group", "parent_provided_id"),
    ],
)
def test_a_field_that_the_api_cannot_carry_is_an_error_before_any_request(
    sync, customers, explo_connection, monkeypatch, api, field
):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(api=api))
    run = sync(sql=f"SELECT tenant_id AS user_group_id, name, {field} FROM customers")
    assert isinstance(run.error, AirflowFailException)
    assert field in str(run.error)
    assert "api: customer" in str(run.error)
    assert run.requests == []


def test_a_parent_that_fails_takes_its_children_along_and_nobody_else(sync, customers, explo_connection):
    customers.run("INSERT INTO customers VALUES ('lost', 'L', NULL, NULL, NULL, 'nobody', 'User')")
    customers.run("INSERT INTO customers VALUES ('one', 'O', NULL, NULL, NULL, 'two', 'User')")
    customers.run("INSERT INTO customers VALUES ('two', 'T', NULL, NULL, NULL, 'one', 'User')")
    run = sync(sql=SQL, create_group_tags=True)
    assert run.counts == {"created": 2, "rejected": 2, "failed": 1}
    reasons = {name: example["reason"] for name, example in examples(run.summary).items()}
    assert "'nobody' is neither in Explo nor in the query" in reasons["lost"]
    assert "'one' → 'two' → 'one'" in reasons["one"]
