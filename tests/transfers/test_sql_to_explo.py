"""SqlToExploOperator in real DAG runs, from SQLite to the emulator."""

from __future__ import annotations

from airflow_provider_explo.emulator import Fault
from tests.conftest import metadata_rows_with
from tests.transfers.conftest import counts, examples


def test_every_tenant_gets_a_group_and_every_token_is_saved_under_its_own_tenant(bulk, database, explo_connection):
    database.put(("acme", "Acme GmbH", {"40": "213"}, {"plan": "gold"}), ("2024_001", "日本 🎉"), ("o'r", "O'R; DROP"))
    run = bulk()
    assert run.state == "success"
    assert counts(run) == {"created": 3}
    assert database.tokens() == {group.provided_id: group.token for group in explo_connection.groups}
    stored = {group.provided_id: group for group in explo_connection.groups}
    assert (stored["acme"].mapping, stored["acme"].properties) == ({"40": "213"}, {"plan": "gold"})


def test_tokens_are_in_the_token_table_and_nowhere_else(bulk, database, explo_connection):
    database.put(("acme", "Acme"), ("beta", " "))
    run = bulk()
    token = database.tokens()["acme"]
    assert token not in run.log
    assert explo_connection.token not in run.log
    assert metadata_rows_with(token) == set()


def test_a_second_run_makes_no_call_and_changes_nothing(bulk, database, explo_connection):
    database.put(*((f"t{number}", f"Tenant {number}", {"40": number + 1}) for number in range(20)))
    bulk()
    before = database.rows()
    explo_connection.clear_requests()
    run = bulk()
    assert counts(run) == {"unchanged": 20}
    assert explo_connection.request_count == 0
    assert database.rows() == before


def test_only_what_changed_is_sent(bulk, database, explo_connection):
    database.put(*((f"t{number}", "T", {"40": "1"}, {"seats": number}) for number in range(10)))
    bulk(if_exists="update")
    explo_connection.clear_requests()
    database.run("UPDATE tenants SET properties = '{\"seats\": 99}' WHERE tenant_id = 't3'")
    database.put(("new", "New"))
    run = bulk(if_exists="update")
    assert counts(run) == {"created": 1, "updated": 1, "unchanged": 9}
    # Several are in flight at once, so either may be first.
    assert sorted((request.path, request.body["user_group_id"]) for request in explo_connection.requests) == [
        ("/api/update_user_group/", "t3"),
        ("/embed/create_user_group/", "new"),
    ]
    assert {group.provided_id: group.properties for group in explo_connection.groups}["t3"] == {"seats": 99}
    assert counts(bulk(if_exists="update")) == {"unchanged": 11}


def test_kept_drift_costs_no_call_and_is_told(bulk, database, explo_connection):
    database.put(("acme", "Acme"))
    bulk()
    explo_connection.clear_requests()
    database.run("UPDATE tenants SET name = 'Acme AG'")
    run = bulk()
    assert counts(run) == {"existing": 1}
    assert explo_connection.request_count == 0
    assert "'acme'" in run.log
    assert "if_exists='update' sends what differs" in run.log


def test_groups_that_were_there_before_are_taken_and_updated_once_where_that_is_asked(bulk, database, explo_connection):
    from airflow_provider_explo.hooks.explo import ExploHook

    ExploHook().create_user_group(user_group_id="acme", name="Older", mapping={"40": "1"})
    ExploHook().create_user_group(user_group_id="beta", name="Beta", mapping={"40": "1"})
    database.put(("acme", "Acme", {"40": "213"}), ("beta", "Beta", {"40": "2"}))
    run = bulk()
    assert counts(run) == {"existing": 2}
    assert "differs from the row in: name" in run.log
    assert counts(bulk()) == {"unchanged": 2}
    explo_connection.clear_requests()
    # Explo never shows a mapping here, so whether beta's is as asked is not known: it is sent, once.
    assert counts(bulk(if_exists="update")) == {"updated": 2}
    assert {group.provided_id: (group.name, group.mapping) for group in explo_connection.groups} == {
        "acme": ("Acme", {"40": "213"}),
        "beta": ("Beta", {"40": "2"}),
    }
    assert explo_connection.request_count == 2
    assert counts(bulk(if_exists="update")) == {"unchanged": 2}


def test_fail_is_about_groups_that_somebody_else_made(bulk, database, explo_connection):
    from airflow_provider_explo.hooks.explo import ExploHook

    ExploHook().create_user_group(user_group_id="acme", name="Acme")
    database.put(("acme", "Acme"), ("beta", "Beta"))
    run = bulk(if_exists="fail")
    assert run.state == "failed"
    assert counts(run) == {"created": 1, "failed": 1}
    assert set(database.tokens()) == {"beta"}
    explo_connection.clear_requests()
    database.run("UPDATE tenants SET name = 'Other' WHERE tenant_id = 'beta'")
    run = bulk(if_exists="fail")
    assert counts(run) == {"failed": 2}
    assert "'beta'" in run.log
    assert explo_connection.request_count == 1


BAD = [
    ("bad-id\n", "N"),
    ("  ", "N"),
    ("bad-name", ""),
    ("bad-mapping", "N", {"forty": "", "41": True}),
    ("bad-text", "N", "{'40': '1'}"),
    ("bad-properties", "N", None, "[1, 2]"),
    (None, "Nobody"),
]


def test_bad_rows_are_rejected_each_with_its_reasons_and_stop_nobody(bulk, database, explo_connection):
    database.put(("first", "First"), *BAD, ("last", "Last"))
    run = bulk(rejects_table="explo_rejects")
    assert run.state == "failed"
    assert counts(run) == {"created": 2, "rejected": len(BAD)}
    assert set(database.tokens()) == {"first", "last"}
    assert explo_connection.request_count == 2
    problems = examples(run.xcom("onboard"))
    assert problems["bad-mapping"]["row"] == 5
    for part in ("$.mapping.forty", "$.mapping['41']", "True"):
        assert part in problems["bad-mapping"]["reason"]
        assert part in run.log
    kept = {row["row_number"]: row for row in database.rows("explo_rejects")}
    assert {row: kept[row]["user_group_id"] for row in kept} == {
        2: "bad-id\n",
        3: "  ",
        4: "bad-name",
        5: "bad-mapping",
        6: "bad-text",
        7: "bad-properties",
        8: "None",
    }
    assert {row["outcome"] for row in kept.values()} == {"rejected"}
    assert "$.mapping.forty" in kept[5]["reason"]


def test_rejected_rows_may_be_skipped_but_failed_ones_may_not(bulk, database, explo_connection):
    database.put(("good", "Good"), ("bad", ""))
    assert bulk(on_rejected="skip").state == "success"
    explo_connection.inject(Fault("status", status=400))
    database.put(("refused", "Refused"))
    run = bulk(on_rejected="skip")
    assert run.state == "failed"
    assert counts(run) == {"unchanged": 1, "rejected": 1, "failed": 1}


def test_the_rejects_table_shows_the_last_run_of_an_interval_only(bulk, database):
    database.put(("bad", ""), ("worse", "", "x"))
    bulk(rejects_table="explo_rejects")
    database.run("UPDATE tenants SET name = 'Now good' WHERE tenant_id = 'bad'")
    bulk(rejects_table="explo_rejects")
    assert [row["user_group_id"] for row in database.rows("explo_rejects")] == ["worse"]


def test_a_tenant_twice_is_one_tenant_and_a_contradiction_is_rejected(bulk, database, explo_connection):
    database.put(
        ("acme", "Acme", {"40": 213, "41": "1"}),
        ("beta", "Beta"),
        ("acme", "Acme", {"41": 1, "40": "213"}),
        ("beta", "Beta AG"),
        ("bad", ""),
        ("bad", ""),
        ("bad", "Good now"),
    )
    run = bulk()
    assert counts(run) == {"created": 2, "unchanged": 1, "rejected": 4}
    assert explo_connection.request_count == 2
    problems = examples(run.xcom("onboard"), "row")
    assert "conflicts with row 2 (same user_group_id, different content)" in problems[4]["reason"]
    assert "row 5" in problems[6]["reason"]
    assert "row 5" in problems[7]["reason"]
    assert {group.provided_id: group.name for group in explo_connection.groups} == {"acme": "Acme", "beta": "Beta"}


def test_a_dry_run_shows_the_plan_makes_no_call_and_writes_nothing(bulk, database, explo_connection):
    database.put(("same", "Same"), ("changed", "Changed"))
    bulk()
    before, tables = database.rows(), database.tables()
    database.run("UPDATE tenants SET name = 'Other' WHERE tenant_id = 'changed'")
    database.put(("new", "New"), ("bad", ""))
    explo_connection.clear_requests()
    run = bulk(dry_run=True, if_exists="update", rejects_table="explo_rejects")
    assert run.state == "success"
    plan = run.xcom("onboard")
    assert {entry["user_group_id"]: entry["action"] for entry in plan["plan"]} == {
        "same": "unchanged",
        "changed": "update",
        "new": "create",
        "bad": "reject",
    }
    assert all(entry["reason"] for entry in plan["plan"])
    assert (plan["rows"], plan["create"], plan["update"], plan["unchanged"], plan["reject"]) == (4, 1, 1, 1, 1)
    for entry in plan["plan"]:
        assert any(entry["user_group_id"] in line and entry["action"] in line for line in run.log.splitlines())
    assert explo_connection.request_count == 0
    assert (database.rows(), database.tables()) == (before, tables)


def test_a_dry_run_needs_no_token_table(bulk, database, explo_connection):
    database.put(("new", "New"))
    run = bulk(dry_run=True)
    assert [entry["action"] for entry in run.xcom("onboard")["plan"]] == ["create"]
    assert database.tables() == {"tenants"}


def test_schemas_of_the_team_s_own_hold(bulk, database, explo_connection):
    database.put(("gold", "Gold", None, {"plan": "gold"}), ("lead", "Lead", None, {"plan": "lead"}), ("none", "None"))
    schema = {"properties": {"plan": {"enum": ["gold"]}}, "required": ["plan"]}
    run = bulk(properties_schema=schema)
    assert counts(run) == {"created": 1, "rejected": 2}
