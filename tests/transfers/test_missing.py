"""Tenants that left the query: kept, reported or deleted, and never more than the guard allows."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault


@pytest.fixture
def twenty(database, sync, explo_connection):
    """Twenty tenants of this connection, and one that somebody else made."""
    database.put(*((f"t{number:02}", "T") for number in range(20)))
    sync()
    explo_connection.add(provided_id="other", name="Somebody's")
    return database


def names(emulator):
    return {group.provided_id for group in emulator.groups}


@pytest.mark.parametrize("refresh", [True, False])
def test_by_default_they_stay(sync, twenty, explo_connection, refresh):
    twenty.run("DELETE FROM tenants WHERE tenant_id < 't03'")
    run = sync(refresh=refresh)
    assert run.counts == {"unchanged": 17}
    assert run.sent == []
    assert len(twenty.tokens()) == 20


@pytest.mark.parametrize("refresh", [True, False])
def test_they_are_reported(sync, twenty, refresh, caplog):
    twenty.run("DELETE FROM tenants WHERE tenant_id < 't03'")
    run = sync(if_missing="report", refresh=refresh)
    assert run.counts == {"unchanged": 17, "orphaned": 3}
    assert run.sent == []
    assert "tenant 't01': orphaned" in caplog.text
    assert run.error is None


@pytest.mark.parametrize("refresh", [True, False])
def test_they_are_deleted_with_their_rows(sync, twenty, explo_connection, refresh):
    twenty.run("DELETE FROM tenants WHERE tenant_id < 't03'")
    run = sync(if_missing="delete", refresh=refresh)
    assert run.counts == {"unchanged": 17, "deleted": 3}
    assert {path for path, _ in run.sent} == {"delete_user_group"}
    assert names(explo_connection) == {"other", *(f"t{number:02}" for number in range(3, 20))}
    assert set(twenty.tokens()) == names(explo_connection) - {"other"}
    assert sync(if_missing="delete", refresh=refresh).counts == {"unchanged": 17}


def test_one_that_is_gone_already_is_deleted_without_harm(sync, twenty, explo_connection):
    twenty.run("DELETE FROM tenants WHERE tenant_id < 't02'")
    explo_connection.delete("t00")
    assert sync(if_missing="delete").counts == {"unchanged": 18, "deleted": 2}
    assert len(twenty.tokens()) == 18


def test_a_lost_response_to_a_delete_is_no_failure(sync, twenty, explo_connection):
    twenty.run("DELETE FROM tenants WHERE tenant_id < 't02'")
    explo_connection.inject(Fault("close_after", path="delete_user_group", times=2))
    assert sync(if_missing="delete").counts == {"unchanged": 18, "deleted": 2}
    assert len(twenty.tokens()) == 18


def test_a_rejected_row_is_not_missing(sync, twenty, explo_connection):
    twenty.run("UPDATE tenants SET name = '' WHERE tenant_id = 't05'")
    assert sync(if_missing="delete").counts == {"unchanged": 19, "rejected": 1}
    assert "t05" in names(explo_connection)


def test_a_row_with_a_damaged_id_deletes_nobody(sync, twenty, explo_connection):
    twenty.run("UPDATE tenants SET tenant_id = tenant_id || ' ' WHERE tenant_id = 't05'")
    twenty.run("DELETE FROM tenants WHERE tenant_id = 't07'")
    run = sync(if_missing="delete", on_rejected="skip")
    assert run.counts == {"unchanged": 18, "rejected": 1, "orphaned": 2}
    assert run.sent == []


@pytest.mark.parametrize("gone", [10, 19, 20])
def test_many_are_not_deleted_at_once(sync, twenty, explo_connection, gone):
    twenty.run(f"DELETE FROM tenants WHERE tenant_id < 't{gone:02}'")
    for share in (0.3, 0.45):
        run = sync(if_missing="delete", max_change_share=share)
        assert isinstance(run.error, AirflowFailException)
        assert f"{gone} deleted" in str(run.error) or "returned no rows" in str(run.error)
        assert "'t00'" in str(run.error)
        assert run.sent == []
    assert len(names(explo_connection)) == 21


def test_an_empty_query_deletes_nobody_whatever_is_allowed(sync, twenty, explo_connection):
    twenty.run("DELETE FROM tenants")
    run = sync(if_missing="delete", max_change_share=1)
    assert "the query returned no rows" in str(run.error)
    assert run.sent == []
    assert len(names(explo_connection)) == 21


def test_a_failed_query_deletes_nobody(sync, twenty, explo_connection):
    run = sync(if_missing="delete", sql="SELECT tenant_id AS user_group_id FROM nowhere", max_change_share=1)
    assert run.error is not None
    assert run.requests == []


def test_another_connection_s_tenants_are_not_missing(sync, twenty, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_OTHER", explo_connection.connection_json())
    twenty.put(("new", "New"))
    sql = "SELECT tenant_id AS user_group_id, name FROM tenants WHERE tenant_id = 'new'"
    assert sync(sql=sql, explo_conn_id="explo_other", if_missing="delete").counts == {"created": 1}
    assert len(names(explo_connection)) == 22


def test_children_are_deleted_before_their_parents(sync, database, explo_connection, monkeypatch):
    connection = explo_connection.connection_json(api="customer", requests_per_minute=60_000)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)
    database.put(("a-parent", "P"), ("child", "C"), *((f"t{number:02}", "T") for number in range(20)))
    sql = (
        "SELECT tenant_id AS user_group_id, name, CASE tenant_id WHEN 'child' THEN 'User' END AS hierarchy_level_name, "
        "CASE tenant_id WHEN 'child' THEN 'a-parent' END AS parent_provided_id FROM tenants"
    )
    assert sync(sql=sql).counts == {"created": 22}
    database.run("DELETE FROM tenants WHERE tenant_id IN ('a-parent', 'child')")
    assert sync(sql=sql, if_missing="delete").counts == {"unchanged": 20, "deleted": 2}
    assert "a-parent" not in names(explo_connection)


def test_the_old_row_of_a_renamed_tenant_goes_and_the_new_id_gets_the_token(sync, twenty, explo_connection):
    explo_connection.delete("t05")
    explo_connection.add(provided_id="renamed", name="T")
    (token,) = [group.token for group in explo_connection.groups if group.provided_id == "renamed"]
    twenty.run(f"UPDATE explo_user_groups SET token = '{token}' WHERE user_group_id = 't05'")
    twenty.run("UPDATE tenants SET tenant_id = 'renamed' WHERE tenant_id = 't05'")
    run = sync(if_missing="delete")
    assert run.counts == {"unchanged": 19, "deleted": 1, "failed": 1}
    assert "after a rename, delete the row of 't05', as if_missing='delete' does" in " ".join(str(run.error).split())
    assert sync(if_missing="delete").counts == {"unchanged": 19, "existing": 1}
    assert twenty.tokens()["renamed"] == token


def test_a_delete_that_explo_refuses_names_the_children(sync, twenty, explo_connection):
    explo_connection.add(provided_id="child", name="C", parent_provided_id="t05", hierarchy_level_name="User")
    twenty.run("DELETE FROM tenants WHERE tenant_id IN ('t05', 't06')")
    run = sync(if_missing="delete")
    assert run.counts == {"unchanged": 18, "deleted": 1, "failed": 1}
    assert "has children, and Explo deletes no group that has some\n  failed: 1 row: 't05'\n" in str(run.error)
    assert "found: 'child'" in str(run.error)
    assert {"t05", "child"} <= names(explo_connection)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_group_that_was_renamed_in_explo_is_not_deleted_by_its_token(sync, twenty, explo_connection, wanted):
    """The token table still has the token under the old id: nothing may be deleted with it."""
    from airflow_provider_explo.hooks.explo import ExploHook

    (token,) = [group.token for group in explo_connection.groups if group.provided_id == "t05"]
    client = ExploHook().get_conn()
    client.delete_user_group(current_token=token)
    explo_connection.add(provided_id="t99", name="T")
    (renamed,) = [group.token for group in explo_connection.groups if group.provided_id == "t99"]
    twenty.run(f"UPDATE explo_user_groups SET token = '{renamed}' WHERE user_group_id = 't05'")
    twenty.run("DELETE FROM tenants WHERE tenant_id = 't05'")
    if wanted:
        twenty.put(("t99", "T"))
    for refresh in (True, False):
        run = sync(if_missing="delete", refresh=refresh)
        assert "delete_user_group" not in [path for path, _ in run.sent]
    assert "t99" in names(explo_connection)
    assert "t05" not in twenty.tokens()
