"""A dry run plans, somebody approves, and exactly that is carried out."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException


@pytest.fixture
def drifted(database, sync, explo_connection):
    """Ten tenants, of which one is deleted in Explo, one edited there, and one new in the query."""
    database.put(*((f"t{number}", f"Tenant {number}") for number in range(10)))
    sync()
    explo_connection.delete("t1")
    explo_connection.edit("t2", name="By | hand")
    database.put(("new", "New"), ("bad", ""))
    return database


def test_the_plan_is_in_terraform_s_words_with_each_field_before_and_after(sync, drifted, explo_connection, caplog):
    before = drifted.rows(), drifted.tables()
    with caplog.at_level("INFO"):
        run = sync(dry_run=True, if_exists="update", rejects_table="explo_rejects", log_table="explo_log")
    assert [request.path for request in run.requests] == ["/v2/api/customers/"]
    assert (drifted.rows(), drifted.tables()) == before
    plan = run.summary
    assert (plan["create"], plan["update"], plan["unchanged"], plan["reject"]) == (2, 1, 8, 1)
    assert "**Plan: 2 to create, 1 to update, 8 unchanged, 1 rejected**" in plan["text"]
    assert "name: 'By \\| hand' → 'Tenant 2'" in plan["text"]
    (updated,) = [row for row in plan["plan"] if row["action"] == "update"]
    assert updated["changes"] == {"name": {"before": "'By | hand'", "after": "'Tenant 2'"}}
    assert plan["text"].startswith("**Plan: 2 to create, 1 to update")
    assert "By \\| hand" in plan["text"]
    assert len(plan["digest"]) == 64
    assert sync(dry_run=True, if_exists="update").summary["digest"] == plan["digest"]


def test_exactly_the_approved_changes_are_carried_out(sync, drifted, explo_connection, caplog):
    plan = sync(dry_run=True, if_exists="update").summary
    explo_connection.edit("t3", name="Later")
    explo_connection.edit("t2", name="Edited again")
    drifted.put(("newer", "Newer"))
    run = sync(if_exists="update", approved_plan=plan, on_rejected="skip")
    assert run.error is None
    assert sorted(run.sent) == [("create_user_group", "new"), ("create_user_group", "t1")]
    assert run.counts["created"] == 2
    for name in ("t2", "t3", "newer"):
        assert f"tenant '{name}': not as approved" in caplog.text
    assert "newer" not in drifted.tokens()
    run = sync(if_exists="update", on_rejected="skip")
    assert run.counts == {"created": 1, "updated": 2, "unchanged": 9, "rejected": 1}


def test_a_digest_alone_approves_the_same_plan_and_no_other(sync, drifted, explo_connection):
    digest = sync(dry_run=True, if_exists="update").summary["digest"]
    explo_connection.edit("t3", name="Later")
    run = sync(if_exists="update", approved_plan=digest)
    assert isinstance(run.error, AirflowFailException)
    assert "approved plan no longer fits" in str(run.error)
    assert run.sent == []
    digest = sync(dry_run=True, if_exists="update").summary["digest"]
    run = sync(if_exists="update", approved_plan=digest, on_rejected="skip")
    assert run.error is None
    assert len(run.sent) == 4


@pytest.mark.parametrize("plan", [{}, {"digest": 7}, 7, ""])
def test_what_is_no_plan_is_refused(sync, drifted, plan):
    run = sync(approved_plan=plan)
    assert isinstance(run.error, AirflowFailException)
    assert "approved_plan: not a plan" in str(run.error)


def test_a_plan_that_the_guard_would_refuse_says_so(sync, drifted, explo_connection):
    for number in range(10):
        if number != 1:
            explo_connection.delete(f"t{number}")
    plan = sync(dry_run=True).summary
    assert "10 of 10 known tenants would be changed" in plan["refused"]
    assert "plan refused" in plan["text"]
