"""A list, or a row, that may be another Explo's changes nobody."""

from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault
from tests.transfers.conftest import live


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_refused_list_fails_the_task_and_names_the_way_out(sync, three, explo_connection, status):
    explo_connection.inject(Fault("status", status=status, path="/v2/api/customers/", times=None))
    run = sync()
    assert isinstance(run.error, AirflowFailException)
    assert "refresh=False" in str(run.error)
    assert run.sent == []
    assert sync(refresh=False).counts == {"unchanged": 3}


def test_a_wrong_token_is_not_hidden_behind_the_list(sync, three, explo_connection, monkeypatch):
    connection = {**json.loads(explo_connection.connection_json()), "password": "another-token"}
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", json.dumps(connection))
    run = sync(on_rejected="skip")
    assert isinstance(run.error, AirflowFailException)
    assert "HTTP 401" in str(run.error)
    assert "correct the API token" in str(run.error)
    assert "refresh" not in str(run.error)


def test_another_connection_s_rows_are_neither_taken_nor_replaced(sync, three, explo_connection, monkeypatch):
    before = three.rows()
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_TESTING", explo_connection.connection_json())
    for refresh in (True, False):
        run = sync(explo_conn_id="explo_testing", refresh=refresh)
        assert isinstance(run.error, AirflowFailException)
        for part in ("'t0'", "found: explo_conn_id 'explo_default'", "expected: 'explo_testing'", "token_table"):
            assert part in str(run.error)
        assert run.sent == []
    assert three.rows() == before
    assert sync(explo_conn_id="explo_testing", token_table="testing_tokens").counts == {"existing": 3}


def test_a_table_of_an_earlier_version_names_the_statement_that_fixes_it(sync, three):
    three.run("ALTER TABLE explo_user_groups DROP COLUMN explo_conn_id")
    run = sync()
    assert isinstance(run.error, AirflowFailException)
    (fix,) = [line for line in str(run.error).splitlines() if "ALTER TABLE" in line]
    three.run(fix.partition("fix: ")[2])
    assert sync().counts == {"unchanged": 3}


def test_a_connection_that_leads_to_another_explo_is_refused_before_any_change(sync, three, explo_connection):
    for name in ("t0", "t1", "t2"):
        explo_connection.delete(name)
    before = three.rows()
    run = sync(if_exists="update")
    assert isinstance(run.error, AirflowFailException)
    for part in ("3 of 3 known tenants would be changed", "3 made again", "'t0'", "max_change_share", "another Explo"):
        assert part in str(run.error)
    assert run.sent == []
    assert three.rows() == before
    assert sync(if_exists="update", max_change_share=1).counts == {"created": 3}


def test_another_explo_with_the_same_ids_does_not_replace_every_token(sync, three, explo_connection):
    for name in ("t0", "t1", "t2"):
        explo_connection.refresh_token(name)
    before = three.rows()
    run = sync()
    assert isinstance(run.error, AirflowFailException)
    assert "3 with another token" in str(run.error)
    assert "another Explo" in str(run.error)
    assert three.rows() == before
    assert sync(max_change_share=1).counts == {"token_updated": 3}


def test_tokens_that_were_swapped_are_put_right(sync, three, explo_connection):
    tokens = three.tokens()
    for name, other in (("t0", "t1"), ("t1", "t0")):
        three.run(f"UPDATE explo_user_groups SET token = '{tokens[other]}' WHERE user_group_id = '{name}'")
    assert sync().counts == {"token_updated": 2, "unchanged": 1}
    assert three.tokens() == live(explo_connection)


def test_a_list_that_ends_before_its_total_deletes_nobody(sync, three, explo_connection):
    explo_connection.inject(Fault("short_list", path="/v2/api/customers/", times=None))
    three.run("DELETE FROM tenants WHERE tenant_id = 't0'")
    run = sync(if_missing="delete", max_change_share=1)
    assert run.counts["orphaned"] == 1
    assert "delete_user_group" not in [path for path, _ in run.sent]
    assert three.tokens() == live(explo_connection)
