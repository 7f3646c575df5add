"""The rejects table is the present, the log table the past; neither keeps anybody out."""

from __future__ import annotations

import json

import pytest

from airflow_provider_explo.exceptions import ExploError


def test_six_syncs_of_thirty_bad_tenants_leave_thirty_rows(sync, database):
    database.put(*((f"bad{number}", "") for number in range(30)), ("good", "Good"))
    for _ in range(6):
        run = sync(rejects_table="explo_rejects", log_table="explo_log")
        assert run.counts["rejected"] == 30
    rows = database.rows("explo_rejects")
    assert len(rows) == 30
    assert {row["outcome"] for row in rows} == {"rejected"}
    assert all(row["first_seen_at"] < row["last_seen_at"] for row in rows)
    # A problem is logged when it is new.
    assert len(database.rows("explo_log")) == 30 + 1


def test_a_tenant_who_is_well_is_gone_from_it(sync, database):
    database.put(("a", ""), ("b", ""), ("b", "B"), ("c", "C"))
    sync(rejects_table="explo_rejects")
    assert sorted(row["user_group_id"] for row in database.rows("explo_rejects")) == ["a", "b"]
    database.run("UPDATE tenants SET name = 'A' WHERE tenant_id = 'a'")
    sync(rejects_table="explo_rejects")
    assert [row["user_group_id"] for row in database.rows("explo_rejects")] == ["b"]


def test_the_log_has_every_change_before_and_after_and_no_token(sync, database, explo_connection):
    database.put(*((f"t{number}", f"Tenant {number}") for number in range(20)))
    sync(log_table="explo_log")
    explo_connection.edit("t1", name="By hand")
    explo_connection.refresh_token("t2")
    database.run("DELETE FROM tenants WHERE tenant_id = 't3'")
    sync(log_table="explo_log", if_exists="update", if_missing="delete")
    rows = database.rows("explo_log")[20:]
    assert {row["user_group_id"]: row["outcome"] for row in rows} == {
        "t1": "updated",
        "t2": "token_updated",
        "t3": "deleted",
    }
    (updated,) = [row for row in rows if row["outcome"] == "updated"]
    assert json.loads(updated["changes"]) == {"name": {"before": "By hand", "after": "Tenant 1"}}
    assert {(row["task"], row["run"]) for row in rows} == {("dag/sync", "run")}
    text = json.dumps(database.rows("explo_log"))
    assert not [token for token in database.tokens().values() if token in text]


@pytest.mark.parametrize("table", ["rejects_table", "log_table"])
def test_a_side_table_that_cannot_be_written_is_told_in_the_end(sync, database, table):
    database.put(("a", "A"), ("b", "B"))
    database.run("CREATE TABLE broken (other TEXT)")
    run = sync(**{table: "broken"})
    assert run.counts == {"created": 2}
    assert isinstance(run.error, Exception)
    assert "has no column" in str(run.error)
    assert set(database.tokens()) == {"a", "b"}
    assert not isinstance(run.error, ExploError)


def test_text_of_any_length_fits(sync, database, monkeypatch):
    from tests.transfers.conftest import Pushed

    monkeypatch.setattr(Pushed, "dag_id", "d" * 600)
    database.put(("x" * 1000, "X"), ("\0", "NUL"), ("ok", "OK"))
    run = sync(rejects_table="explo_rejects", log_table="explo_log")
    assert run.counts == {"created": 1, "rejected": 2}
    assert len(database.rows("explo_rejects")) == 2


def test_a_tenant_who_left_the_query_is_not_broken_now(sync, database):
    database.put(("a", ""), ("b", ""), ("c", "C"))
    sync(rejects_table="explo_rejects")
    database.run("DELETE FROM tenants WHERE tenant_id = 'a'")
    sync(rejects_table="explo_rejects", sql="SELECT tenant_id AS user_group_id, name FROM nowhere")
    sync(rejects_table="explo_rejects", dry_run=True)
    assert [row["user_group_id"] for row in database.rows("explo_rejects")] == ["a", "b"]
    sync(rejects_table="explo_rejects")
    assert [row["user_group_id"] for row in database.rows("explo_rejects")] == ["b"]
    database.run("DELETE FROM tenants")
    sync(rejects_table="explo_rejects")
    assert database.rows("explo_rejects") == []


def test_rows_without_an_id_have_a_row_each_wherever_they_are(sync, database):
    database.put((None, "A"), ("ok", "OK"), (None, "B"), ("", "C"), (None, "D"))
    sync(rejects_table="explo_rejects", chunk_size=2)
    first = database.rows("explo_rejects")
    assert sorted((row["row_number"], row["name"]) for row in first) == [(1, "A"), (3, "B"), (4, "C"), (5, "D")]
    database.run("DELETE FROM tenants WHERE name = 'OK'")
    sync(rejects_table="explo_rejects")
    rows = database.rows("explo_rejects")
    assert sorted((row["row_number"], row["name"]) for row in rows) == [(1, "A"), (2, "B"), (3, "C"), (4, "D")]
    assert {row["first_seen_at"] for row in rows} <= {row["first_seen_at"] for row in first}
    database.run("UPDATE tenants SET tenant_id = 'b' WHERE name = 'B'")
    sync(rejects_table="explo_rejects")
    assert sorted(row["name"] for row in database.rows("explo_rejects")) == ["A", "C", "D"]
