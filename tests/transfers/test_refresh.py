"""The token table is a copy, never the truth: Explo's own list is seen, and a difference costs one request."""

from __future__ import annotations

import gc

import pytest

from airflow_provider_explo.emulator import Fault
from tests.transfers.conftest import live

MODES = ("keep", "update")


@pytest.mark.parametrize("if_exists", MODES)
def test_nothing_changed_costs_the_list_alone(sync, three, if_exists):
    run = sync(if_exists=if_exists)
    assert run.counts == {"unchanged": 3}
    assert [request.path for request in run.requests] == ["/v2/api/customers/"]


@pytest.mark.parametrize("if_exists", [*MODES, "fail"])
def test_a_group_deleted_in_explo_is_made_again(sync, three, explo_connection, caplog, if_exists):
    explo_connection.delete("t1")
    run = sync(if_exists=if_exists)
    assert run.counts == {"created": 1, "unchanged": 2}
    assert run.sent == [("create_user_group", "t1")]
    assert "tenant 't1': created\n  the user group was deleted in Explo" in caplog.text
    assert three.tokens() == live(explo_connection)
    assert sync(if_exists=if_exists).counts == {"unchanged": 3}


def test_a_changed_row_of_a_deleted_group_is_no_endless_404(sync, three, explo_connection):
    explo_connection.delete("t1")
    three.run("UPDATE tenants SET name = 'New' WHERE tenant_id = 't1'")
    assert sync(if_exists="update").counts == {"created": 1, "unchanged": 2}
    assert {group.provided_id: group.name for group in explo_connection.groups}["t1"] == "New"


@pytest.mark.parametrize("if_exists", MODES)
def test_a_token_that_was_replaced_in_explo_is_saved_without_a_request(sync, three, explo_connection, if_exists):
    explo_connection.refresh_token("t1")
    run = sync(if_exists=if_exists)
    assert run.counts == {"token_updated": 1, "unchanged": 2}
    assert run.sent == []
    assert three.tokens() == live(explo_connection)


def test_a_token_that_was_lost_in_the_table_comes_back(sync, three, explo_connection):
    three.run("UPDATE explo_user_groups SET token = '' WHERE user_group_id = 't1'")
    assert sync().counts == {"token_updated": 1, "unchanged": 2}
    assert three.tokens() == live(explo_connection)


def test_what_was_edited_by_hand_is_drift_or_updated(sync, three, explo_connection, caplog):
    explo_connection.edit("t1", name="By hand", mapping={"40": "999"})
    run = sync()
    assert run.counts == {"existing": 1, "unchanged": 2}
    assert run.sent == []
    assert "differs from the row in: name, mapping" in caplog.text
    run = sync(if_exists="update")
    assert run.counts == {"updated": 1, "unchanged": 2}
    assert [request.body for request in run.requests if request.body] == [
        {"user_group_id": "t1", "name": "Tenant 1", "mapping": {"40": "213"}}
    ]
    assert sync(if_exists="update").counts == {"unchanged": 3}
    explo_connection.edit("t1", name="By hand")
    assert sync(if_exists="fail").counts == {"failed": 1, "unchanged": 2}


def test_tenants_that_are_all_there_are_adopted_for_the_price_of_the_list(sync, database, explo_connection):
    explo_connection.add_many({"provided_id": f"t{number}", "name": "T"} for number in range(2500))
    database.put(*((f"t{number}", "T") for number in range(2500)), ("new", "N"))
    run = sync()
    assert run.counts == {"existing": 2500, "created": 1}
    assert len(run.requests) == 3 + 1
    assert database.tokens() == live(explo_connection)
    assert sync().counts == {"unchanged": 2501}


def test_pages_smaller_than_asked_for_are_read_to_the_end(database, airflow_home, monkeypatch):
    from airflow_provider_explo.emulator import ExploEmulator
    from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
    from tests.transfers.conftest import SQL, Pushed

    with ExploEmulator(max_page_size=20) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", emulator.connection_json(requests_per_minute=60_000))
        emulator.add_many({"provided_id": f"t{number}", "name": "T"} for number in range(130))
        database.put(*((f"t{number}", "T") for number in range(130)))
        operator = SqlToExploOperator(task_id="sync", sql=SQL, sql_conn_id="warehouse")
        assert operator.execute({"ti": Pushed()})["existing"] == 130
        assert emulator.request_count == 7


def test_the_older_and_the_newer_endpoints_are_the_same_tenants(sync, three, explo_connection, monkeypatch):
    connection = explo_connection.connection_json(api="customer", requests_per_minute=60_000)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)
    assert sync(if_exists="update").counts == {"unchanged": 3}


def test_a_change_of_many_is_refused_and_of_few_is_not(sync, database, explo_connection):
    database.put(*((f"t{number:02}", "T") for number in range(40)))
    sync()
    database.run("UPDATE tenants SET name = 'New' WHERE tenant_id < 't12'")
    assert sync(if_exists="update").counts == {"updated": 12, "unchanged": 28}
    database.run("UPDATE tenants SET name = 'Newer' WHERE tenant_id < 't13'")
    run = sync(if_exists="update")
    assert "13 of 40 known tenants would be changed (13 updated, 0 made again, 0 deleted)" in str(run.error)
    assert run.sent == []
    assert sync(if_exists="update", max_change_share=0.5).counts == {"updated": 13, "unchanged": 27}
    assert sync(if_exists="keep").counts == {"unchanged": 40}


def test_two_groups_with_one_token_are_both_left_alone(sync, three, explo_connection):
    explo_connection.inject(Fault("shared_token", path="/v2/api/customers/"))
    run = sync()
    assert run.counts.get("failed", 0) >= 2
    assert "the same token for another user group" in str(run.error)


def test_a_token_of_another_tenant_in_a_response_is_not_saved(sync, three, explo_connection):
    three.put(("new", "New"), ("newer", "Newer"))
    explo_connection.inject(Fault("shared_token", path="create_user_group", times=2))
    run = sync()
    assert run.counts == {"created": 1, "failed": 1, "unchanged": 3}
    assert "refusing a token that belongs to another tenant" in str(run.error)
    assert len(three.tokens()) == 4


def test_a_stricter_schema_holds_for_tenants_who_are_known(sync, three):
    schema = {"required": ["region"]}
    for arguments in ({"refresh": False}, {}):
        assert sync(properties_schema=schema, **arguments).counts == {"rejected": 3}
        assert sync(properties_schema=schema, dry_run=True, **arguments).summary["reject"] == 3
    loose = {"required": ["n"]}
    assert sync(properties_schema=loose).counts == {"unchanged": 3}
    assert sync(properties_schema=loose, refresh=False).counts == {"unchanged": 3}
    assert sync(properties_schema=loose).sent == []


def test_groups_that_this_provider_never_made_are_counted_and_left_alone(sync, three, explo_connection):
    explo_connection.add(provided_id="other", name="Somebody's")
    run = sync(if_missing="delete")
    assert run.counts == {"unchanged": 3}
    assert run.summary["unmanaged"] == 1
    assert "other" in live(explo_connection)


def test_memory_stays_flat_and_the_whole_is_correct_for_many(sync, database, explo_connection):
    database.put(*((f"t{number}", "T", None, {"n": number}) for number in range(1200)))
    explo_connection.add_many(
        {"provided_id": f"t{number}", "name": "T", "properties": {"n": number if number % 10 else -1}}
        for number in range(1100)
    )
    run = sync(if_exists="update", max_in_flight=8)
    assert run.counts == {"created": 100, "existing": 990, "updated": 110}
    assert {group.provided_id: group.properties for group in explo_connection.groups} == {
        f"t{number}": {"n": number} for number in range(1200)
    }
    assert database.tokens() == live(explo_connection)


def test_python_collects_garbage_afterwards_as_before(three, bulk):
    assert bulk().state == "success"
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
