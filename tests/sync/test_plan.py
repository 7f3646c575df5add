"""Plans of any rows: one outcome or one entry a row, one entry a tenant, and no check where nothing changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.plan_table import PlanTable
from airflow_provider_explo.sync.planner import Planner
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.sync.undecided import Undecided
from airflow_provider_explo.tenants.content_hash import content_hash
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
