"""Plans of any rows: one outcome or one entry a row, one entry a tenant, and no check where nothing changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.actual import ActualGroups
from airflow_provider_explo.sync.plan import Change, decide
from airflow_provider_explo.sync.plan_table import PlanTable
from airflow_provider_explo.sync.planner import Planner
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.sync.undecided import Undecided
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.row import Row
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator

RULES = TenantValidator()
ids = st.sampled_from(["a", "b", "c", "A", " ", "", "x\0y", "ü", "\ud800", None, 7])
names = st.sampled_from(["N", "M", "", None])
mappings = st.sampled_from([None, {"40": 1}, '{"40": "1"}', {"40": "2"}, {"x": "1"}, "{", b"{}"])
rows = st.lists(st.fixed_dictionaries({"user_group_id": ids, "name": names, "mapping": mappings}), max_size=30)


class Tokens:
    """A token table in memory."""

    def __init__(self, hashes, size):
        self.rows = {name: row(name, content_hash=stored) for name, stored in hashes.items()}
        self.size = size

    def known(self, ids):
        assert len(ids) <= self.size
        return {name: self.rows[name] for name in ids if name in self.rows}


def row(name, *, content_hash="1:aa", token="token"):
    return TokenRow(user_group_id=name, name="N", token=token, content_hash=content_hash)


def plan(rows, *, known=None, if_exists="keep", size=7, rules=RULES):
    """The planned rows, and what is left to do."""
    with Spool[Change, Undecided]() as spool:
        planner = Planner(spool, validator=rules, tokens=Tokens(known or {}, size), if_exists=if_exists)
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        planned = []
        for changes, unchanged in planner.plan(chunks):
            planned += changes + [replace(read.change(), action="unchanged") for read in unchanged]
        planned.sort(key=lambda change: change.row)
        planner.finish(None)
        kept = [change for _, chunk in spool.chunks(3) for change in chunk]
    assert [change.row for change in kept] == [
        c.row for c in planned if c.sends or c.action == "save" or c.outcome().is_problem
    ]
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


def change(stored, **fields):
    """A change for ACME, before it is decided."""
    return Change(
        row=1,
        user_group_id="acme",
        name="Acme",
        action="create",
        tenant=ACME,
        digest=content_hash(ACME),
        stored=None if stored is None else row("acme", content_hash=stored),
        **fields,
    )


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
        decided = decide(change(stored), if_exists=if_exists, listed=False)
        assert decided.action == action
        assert decided.reason


def test_a_hash_of_an_earlier_rule_still_counts(monkeypatch):
    from airflow_provider_explo.tenants import content_hash as hashing

    old = content_hash(ACME)
    monkeypatch.setattr(hashing, "HASH_VERSION", "2")
    monkeypatch.setattr(hashing, "_RULES", {**hashing._RULES, "2": lambda tenant: "another rule"})
    assert content_hash(ACME) == "2:another rule"
    assert decide(change(old), if_exists="update", listed=False).action in ("unchanged", "save")


def test_a_bool_is_no_data_source_even_where_its_text_is_one():
    known = {"a": content_hash(RULES.tenant(user_group_id="a", name="A", mapping={"40": "True"}))}
    planned, _ = plan([{"user_group_id": "a", "name": "A", "mapping": {"40": True}}], known=known)
    assert planned[0].action == "reject"


def test_the_spool_keeps_tenants_exactly():
    tenant = RULES.tenant(
        user_group_id="ü", name="N", mapping={"40": 9007199254740993}, properties='{"r": 0.12345678901234567890}'
    )
    change = Change(row=3, user_group_id="ü", name="N", action="create", tenant=tenant)
    with Spool[Change, Undecided]() as spool:
        assert spool.first_rows(["ü"]) == {}
        spool.register([(3, "ü", "1:aa")])
        spool.put(3, change)
        ((depth, chunk),) = spool.chunks(10)
    assert (depth, chunk) == (0, [change])


@pytest.mark.parametrize("size", [1, 7])
def test_rows_without_a_usable_id_are_rejected_one_by_one(size):
    planned, _ = plan([{"user_group_id": name, "name": "N"} for name in ("", None, "", None, "\0", "\0")], size=size)
    assert [change.action for change in planned] == ["reject"] * 6
    assert ["the same as row" in change.reason for change in planned] == [False, False, True, False, False, False]


def test_an_id_cannot_forge_lines_of_the_plan():
    forged = "x\n      2  create     evil"
    planned, _ = plan([{"user_group_id": forged, "name": "N"}, {"user_group_id": "y" * 10_000, "name": ""}])
    table = PlanTable()
    table.add(planned)
    lines = list(table.lines())
    assert len(lines) == 4
    assert lines[-1] == "Plan: 2 rejected"
    assert max(map(len, lines)) < 400


def group(name="Acme", *, token="token", **details):
    details.setdefault("parent_schema_datasource_mapping", {"40": "1"})
    return UserGroup(provided_id="acme", token=token, name=name, details=details)


KNOWN = content_hash(ACME)


@pytest.mark.parametrize(
    ("stored", "actual", "keep", "update", "fail"),
    [
        (None, None, "create", "create", "create"),
        (KNOWN, None, "create", "create", "create"),
        (None, group(), "save", "save", "refuse"),
        (None, group("Other"), "save", "update", "refuse"),
        (KNOWN, group("Other"), "drift", "update", "refuse"),
        (KNOWN, group(token="new"), "save", "save", "save"),
        (KNOWN, group("Other", token="new"), "save", "update", "refuse"),
        ("1:of-something-else", group("Other"), "drift", "update", "refuse"),
        ("1:of-something-else", group("Other", parent_schema_datasource_mapping=None), "drift", "update", "refuse"),
    ],
)
def test_explo_s_list_decides(stored, actual, keep, update, fail):
    for if_exists, action in (("keep", keep), ("update", update), ("fail", fail)):
        decided = decide(change(stored, actual=actual), if_exists=if_exists, listed=True)
        assert decided.action == action, if_exists
        assert decided.recreated == (actual is None and stored is not None)


def test_a_row_that_says_the_same_is_left_alone_and_one_that_does_not_is_written():
    named = row("acme", content_hash=KNOWN)
    stored = change(KNOWN).stored
    assert decide(change(None, actual=group()), if_exists="keep", listed=True).kind == "existing"
    settled = Change(**{**vars(change(KNOWN, actual=group())), "stored": TokenRow(**{**vars(stored), "name": "Acme"})})
    assert decide(settled, if_exists="update", listed=True).action == "unchanged"
    assert named.content_hash == KNOWN
    unsettled = change(KNOWN + "?", actual=group())
    decided = decide(unsettled, if_exists="update", listed=True)
    assert (decided.action, decided.kind) == ("save", "unchanged")


saved = st.sampled_from([KNOWN, KNOWN + "?", KNOWN + ":12345678", "1:aa", None])
groups = st.builds(
    group,
    st.sampled_from(["Acme", "Other", None]),
    token=st.sampled_from(["token", "other"]),
    parent_schema_datasource_mapping=st.sampled_from([{"40": "1"}, {"40": 1}, {"40": "2"}, None]),
    properties=st.sampled_from([{}, {"plan": "gold"}]),
)


@given(saved, st.none() | groups, st.sampled_from(["keep", "update", "fail"]), st.sampled_from(["1", 1]))
def test_nothing_is_done_quickly_only_where_that_is_decided(saved, actual, if_exists, source):
    """For most rows there is no change to be decided: that must come to the same."""
    values = {"user_group_id": "acme", "name": "Acme", "mapping": f'{{"40": {json.dumps(source)}}}'}
    stored = None if saved is None else TokenRow(user_group_id="acme", name="Acme", token="token", content_hash=saved)
    read = Undecided.of(1, Row(values), stored, rules="")
    if read.is_stored:
        assert decide(read.change(), if_exists=if_exists, listed=False).action == "unchanged"
    decided = decide(read.change(actual), if_exists=if_exists, listed=True)
    if read.is_in(actual):
        assert decided.action == "unchanged"
    elif decided.action == "unchanged":
        assert saved == KNOWN + "?"


def planned_with_parents(*rows, actual=()):
    """The order in which changes are applied, and the problems."""
    tenants = [{"user_group_id": name, "name": "N", "parent_provided_id": parent} for name, parent in rows]
    with Spool[Change, Undecided]() as spool, ActualGroups() as groups:
        groups.add([UserGroup(provided_id=name, token=name, name="N", details={}) for name in actual])
        planner = Planner(spool, validator=RULES, tokens=None, refresh=True)
        list(planner.plan([tenants]))
        list(planner.compare(groups))
        planner.finish(groups)
        kept = [(depth, change) for depth, chunk in spool.chunks(2) for change in chunk]
    order = [(change.user_group_id, depth) for depth, change in kept if change.sends]
    problems = {
        change.user_group_id: change.reason for _, change in kept if not change.sends and change.action != "save"
    }
    return order, problems


def test_parents_come_before_children():
    order, problems = planned_with_parents(
        ("c", "b"), ("d", "b"), ("b", "a"), ("a", None), ("x", "there"), actual=["there"]
    )
    assert order == [("a", 0), ("x", 0), ("b", 1), ("c", 2), ("d", 2)]
    assert problems == {}


def test_a_parent_that_is_nowhere_fails_its_child_alone():
    order, problems = planned_with_parents(("a", None), ("b", "nobody"))
    assert order == [("a", 0)]
    assert problems == {"b": "parent 'nobody' is neither in Explo nor in the query"}


def test_a_cycle_is_rejected_with_its_members():
    order, problems = planned_with_parents(
        ("a", "b"), ("b", "c"), ("c", "a"), ("below", "a"), ("self", "self"), ("ok", None)
    )
    assert order == [("ok", 0)]
    assert set(problems) == {"a", "b", "c", "below", "self"}
    for name in ("a", "b", "c", "below"):
        assert problems[name] == "its parents form a cycle: 'a' → 'b' → 'c' → 'a'"
    assert problems["self"] == "its parents form a cycle: 'self' → 'self'"
