"""Plans of any rows: one outcome or one entry a row, one entry a tenant, and no check where nothing changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.sync.plan import Change, Planner, decide
from airflow_provider_explo.sync.plan_table import PlanTable
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator

RULES = TenantValidator()
ids = st.sampled_from(["a", "b", "c", "A", " ", "", "x\0y", "ü", "\ud800", None, 7])
names = st.sampled_from(["N", "M", "", None])
mappings = st.sampled_from([None, {"40": 1}, '{"40": "1"}', {"40": "2"}, {"x": "1"}, "{", b"{}"])
rows = st.lists(st.fixed_dictionaries({"user_group_id": ids, "name": names, "mapping": mappings}), max_size=30)


def plan(rows, *, known=None, if_exists="keep", size=7, rules=RULES):
    """The planned rows, and what is left to do."""
    stored = known or {}

    def look_up(ids):
        assert len(ids) <= size
        return {name: stored[name] for name in ids if name in stored}

    with Spool[Change]() as spool:
        planner = Planner(spool, validator=rules, hashes=look_up, if_exists=if_exists)
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        planned = [change for chunk in planner.plan(chunks) for change in chunk]
        kept = [change for chunk in spool.chunks(3) for change in chunk]
    assert [change.row for change in kept] == [c.row for c in planned if c.sends or c.outcome().is_problem]
    return planned, [change for change in kept if change.sends]


@given(rows)
def test_each_row_has_an_outcome_or_an_entry_and_each_tenant_one_entry_at_most(rows):
    planned, entries = plan(rows)
    assert [one.row for one in planned] == list(range(1, len(rows) + 1))
    assert {one.row for one in planned if one.sends} == {entry.row for entry in entries}
    ids = [entry.tenant.user_group_id for entry in entries]
    assert len(ids) == len(set(ids))
    for entry in entries:
        assert entry.tenant == RULES.tenant(**rows[entry.row - 1])


@given(rows)
def test_the_first_row_of_a_tenant_stands(rows):
    planned, _ = plan(rows)
    first = {}
    for one, row in zip(planned, rows, strict=True):
        parsed = Tenant.parse(**row)
        name = parsed.user_group_id
        if not parsed.has_id:
            assert one.action == "reject"
            continue
        digest = None if parsed.problems else content_hash(parsed)
        number, content, action = first.setdefault(name, (one.row, digest, one.action))
        if number == one.row:
            assert "row" not in one.reason.split("\n")[0]
        elif digest is None or digest != content:
            assert one.action == "reject"
            assert f"row {number} was used" in one.reason
        else:
            assert one.action == ("reject" if action == "reject" else "unchanged")
            assert f"the same as row {number}" in one.reason


@given(rows, st.sampled_from(["keep", "update", "fail"]))
def test_what_was_done_is_not_done_again(rows, if_exists):
    _, entries = plan(rows)
    known = {entry.tenant.user_group_id: content_hash(entry.tenant) for entry in entries}
    planned, again = plan(rows, known=known, if_exists=if_exists)
    assert again == []
    done = {entry.row for entry in entries}
    assert all(one.action == "unchanged" for one in planned if one.row in done)


def test_a_known_tenant_is_not_checked_again():
    class NoRules(TenantValidator):
        def validate(self, tenant):
            raise AssertionError("checked")

    row = {"user_group_id": "a", "name": "A", "mapping": '{"40": 1}'}
    known = {"a": content_hash(RULES.tenant(**row))}
    planned, _ = plan([row], known=known, rules=NoRules())
    assert planned[0].action == "unchanged"


ACME = Tenant(user_group_id="acme", name="Acme", mapping={"40": "1"})


@pytest.mark.parametrize(
    ("stored", "actions"),
    [
        (None, ("create", "create", "create")),
        (content_hash(ACME), ("unchanged", "unchanged", "unchanged")),
        (content_hash(ACME, settled=False), ("unchanged", "update", "unchanged")),
        ("1:of-something-else", ("drift", "update", "refuse")),
        # A rule that this release does not know: of a later one.
        ("999:ff", ("drift", "update", "refuse")),
        ("", ("drift", "update", "refuse")),
    ],
)
def test_what_is_to_be_done_follows_from_what_was_sent(stored, actions):
    for if_exists, action in zip(("keep", "update", "fail"), actions, strict=True):
        decided, reason = decide(ACME, content_hash(ACME), stored=stored, if_exists=if_exists)
        assert decided == action
        assert reason


def test_a_hash_of_an_earlier_rule_still_counts(monkeypatch):
    from airflow_provider_explo.tenants import content_hash as hashing

    old = content_hash(ACME)
    monkeypatch.setattr(hashing, "HASH_VERSION", "2")
    monkeypatch.setattr(hashing, "_RULES", {**hashing._RULES, "2": lambda tenant: "another rule"})
    assert content_hash(ACME) == "2:another rule"
    assert decide(ACME, content_hash(ACME), stored=old, if_exists="update")[0] == "unchanged"


def test_a_bool_is_no_data_source_even_where_its_text_is_one():
    known = {"a": content_hash(RULES.tenant(user_group_id="a", name="A", mapping={"40": "True"}))}
    planned, _ = plan([{"user_group_id": "a", "name": "A", "mapping": {"40": True}}], known=known)
    assert planned[0].action == "reject"


def test_the_spool_keeps_tenants_exactly():
    tenant = RULES.tenant(
        user_group_id="ü", name="N", mapping={"40": 9007199254740993}, properties='{"r": 0.12345678901234567890}'
    )
    change = Change(row=3, user_group_id="ü", name="N", action="create", tenant=tenant)
    with Spool[Change]() as spool:
        assert spool.register(3, "ü", "1:aa") is None
        spool.put(3, change, rejected=False)
        (chunk,) = spool.chunks(10)
    assert chunk == [change]


def test_an_id_cannot_forge_lines_of_the_plan():
    forged = "x\n      2  create     evil"
    planned, _ = plan([{"user_group_id": forged, "name": "N"}, {"user_group_id": "y" * 10_000, "name": ""}])
    lines = list(PlanTable([planned]).lines())
    assert len(lines) == 4
    assert lines[-1] == "Plan: 2 rejected"
    assert max(map(len, lines)) < 400
