"""A thousand rows, some bad, some unlucky: each has the outcome that it must have, and nobody another's token."""

from __future__ import annotations

import json
import random

import pytest

from airflow_provider_explo.emulator import Fault

ROWS = 1_000
BAD = {
    "name": lambda tenant: (tenant, " ", None, None),
    "mapping": lambda tenant: (tenant, "T", '{"40": 0}', None),
    "text": lambda tenant: (tenant, "T", None, "{'plan': 'gold'}"),
}
# What Explo will not mend, and what a second attempt does.
FOR_GOOD = [
    {"kind": "refused"},
    {"kind": "status", "status": 422},
    {"kind": "html"},
    {"kind": "truncated"},
    {"kind": "wrong_tenant"},
    {"kind": "no_token"},
]
PASSING = [{"kind": "close_after"}, {"kind": "status", "status": 503}, {"kind": "rate_limit", "retry_after": 0}]


@pytest.mark.slow
def test_every_row_is_accounted_for(bulk, database, explo_connection):
    chance = random.Random(7)
    rows, expected = [], {}
    for number in range(ROWS):
        tenant = f"tenant-{number:04}"
        luck = chance.random()
        if luck < 0.03:
            rows.append(chance.choice(list(BAD.values()))(tenant))
            expected[tenant] = "rejected"
            continue
        rows.append((tenant, f"Tenant {number}", json.dumps({"40": number + 1}), json.dumps({"seats": number})))
        expected[tenant] = "created"
        if luck < 0.07:
            explo_connection.inject(Fault(**chance.choice(FOR_GOOD), user_group_id=tenant))
            expected[tenant] = "failed"
        elif luck < 0.08:
            explo_connection.inject(Fault(**chance.choice(PASSING), user_group_id=tenant))
    database.put(*rows)

    run = bulk(rejects_table="explo_rejects")

    assert run.state == "failed"
    summary = run.xcom("onboard")
    wanted = {kind: list(expected.values()).count(kind) for kind in ("created", "rejected", "failed")}
    assert summary["rows"] == ROWS
    # A group whose first answer was lost is there already when the call is sent again.
    assert summary["created"] + summary["existing"] == wanted["created"]
    assert (summary["rejected"], summary["failed"]) == (wanted["rejected"], wanted["failed"])
    assert (summary["updated"], summary["unchanged"]) == (0, 0)
    problems = summary["problems"]
    assert all(len(cause["examples"]) == min(3, cause["count"]) for cause in problems)
    of_failed = [cause["count"] for cause in problems if cause["outcome"] == "failed"]
    assert sum(of_failed) == wanted["failed"]
    kept = {row["user_group_id"]: row["outcome"] for row in database.rows("explo_rejects")}
    assert kept == {tenant: outcome for tenant, outcome in expected.items() if outcome != "created"}
    groups = {group.provided_id: group.token for group in explo_connection.groups}
    tokens = database.tokens()
    assert tokens.keys() == {tenant for tenant, outcome in expected.items() if outcome == "created"}
    assert tokens == {tenant: groups[tenant] for tenant in tokens}

    explo_connection.clear_requests()
    run = bulk(on_rejected="skip", rejects_table="explo_rejects")

    assert run.state == "success"
    again = {tenant for tenant, outcome in expected.items() if outcome == "failed"}
    assert {request.user_group_id for request in explo_connection.requests} == again
    assert explo_connection.request_count == len(again)
    assert database.tokens() == {group.provided_id: group.token for group in explo_connection.groups}
