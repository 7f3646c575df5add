"""Applied once, twice, or after any kill: the same end, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_explo.sql.token_table import TokenRow
from airflow_provider_explo.sync.run import Sync
from airflow_provider_explo.sync.shutdown import ShutdownSignal
from airflow_provider_explo.tenants.content_hash import UNSETTLED, content_hash
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.sync.explo import Explo, Group, Killed, Power, Tokens

RULES = TenantValidator()
IDS = "abcdef"
CHANGES = ("create", "update", "delete", "save")

ids = st.sampled_from(IDS)
names = st.sampled_from("NM")
mappings = st.sampled_from([(), (("40", "1"),), (("40", "2"),)])
parents = st.sampled_from([None, None, None, *IDS])


def property_of(*strategies):
    """A test with 20 examples, always the same; and a slow one with many, each time others."""

    def decorate(check):
        @pytest.mark.parametrize("examples", [20, pytest.param(200, marks=pytest.mark.slow)])
        def test(examples):
            # Each has runs with threads and databases, whose time says more of the machine than of the code.
            unhurried = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
            repeatable = settings(max_examples=examples, derandomize=examples == 20, **unhurried)
            repeatable(given(*strategies)(check))()

        test.__name__ = check.__name__
        return test

    return decorate


@dataclass(frozen=True)
class World:
    """What a run finds.

    :param wanted: rows of the query.
    :param groups: in Explo, by id.
    :param saved: token rows.
    :param refused: ids that Explo refuses.
    """

    wanted: list[dict]
    groups: dict[str, Group]
    saved: list[TokenRow]
    refused: frozenset[str]


@st.composite
def worlds(draw):
    """Every tenant is, each with good odds, in Explo, in the query and in the table, and they agree or do not."""
    wanted, groups, saved = [], {}, []
    for name in IDS:
        group = Group(name=draw(names), mapping=draw(mappings), token=f"{name}-live")
        if draw(st.integers(0, 3)):
            groups[name] = replace(group, parent=draw(st.sampled_from([None, None, *groups])))
        content = {"name": group.name, "mapping": dict(group.mapping)}
        if draw(st.booleans()):
            content = {"name": draw(names), "mapping": draw(st.none() | mappings.map(dict))}
        row = {"user_group_id": name, **content, "parent_provided_id": draw(parents)}
        if draw(st.integers(0, 3)):
            wanted.append(row)
        if draw(st.integers(0, 2)):
            digest = draw(st.sampled_from([content_hash(Tenant.parse(**row))] * 2 + ["1:of-another-content"]))
            stored = draw(st.sampled_from([digest, digest, digest + UNSETTLED, ""]))
            token = draw(st.sampled_from(["live", "old"]))
            table_name = draw(st.sampled_from([content["name"], "M"]))
            saved.append(TokenRow(user_group_id=name, name=table_name, token=f"{name}-{token}", content_hash=stored))
    wanted = draw(st.permutations(wanted))
    # Some rows are there twice, and some are rejected.
    twice = draw(st.lists(st.sampled_from(wanted), max_size=1)) if wanted else []
    wanted += [{**row, "name": draw(st.sampled_from([row["name"], "N", ""]))} for row in twice]
    if draw(st.integers(0, 3)) == 1:
        wanted.append({"user_group_id": draw(ids), "name": "", "mapping": None, "parent_provided_id": None})
        wanted = draw(st.permutations(wanted))
    refused = draw(st.sampled_from([(), (), *IDS]))
    return World(wanted, groups, saved, frozenset(refused))


modes = st.fixed_dictionaries(
    {
        "if_exists": st.sampled_from(["keep", "update", "fail"]),
        "if_missing": st.sampled_from(["delete", "report", "keep"]),
        "refresh": st.sampled_from([True, False]),
    }
)


class Run:
    """A world that syncs change."""

    def __init__(self, world, **mode):
        self.world, self.mode = world, mode
        self.power = Power()
        self.explo = Explo(world.groups, refused=world.refused, power=self.power)
        self.tokens = Tokens(world.saved, power=self.power)
        self.outcomes = []

    def sync(self):
        return Sync(self.explo.connect, tokens=self.tokens, validator=RULES, signal=ShutdownSignal(), **self.mode)

    def apply(self, *, fails_at=None, size=3):
        """Plan and apply, or a part of it.

        :returns: how many moments it had.
        """
        self.explo.sent.clear()
        self.tokens.saved.clear()
        self.power.restore(fails_at=fails_at)
        chunks = [self.world.wanted[start : start + size] for start in range(0, len(self.world.wanted), size)]
        try:
            results = list(self.sync().run(chunks, chunk_size=size))
            self.outcomes = [result.outcome for chunk, _ in results for result in chunk]
        except Killed:
            pass
        finally:
            moments = self.power.count
            self.power.restore()
        return moments

    @property
    def problems(self):
        return {outcome.user_group_id for outcome in self.outcomes if outcome.is_problem}

    @property
    def changes(self):
        """The requests that change something, and the rows that were written."""
        return [sent for sent in self.explo.sent if sent[0] not in ("list", "get")] + self.tokens.saved

    def state(self):
        """What is in Explo and in the table, except whether Explo is known to hold it."""
        rows = {
            name: (row.token, row.name, row.content_hash.removesuffix(UNSETTLED))
            for name, row in self.tokens.rows().items()
        }
        return self.explo.groups, rows


@property_of(worlds(), modes)
def test_after_apply_the_plan_is_empty(world, mode):
    run = Run(world, **mode)
    run.apply()
    problems = run.problems
    table = run.sync().plan([world.wanted])
    left = [change for change in table.rows if change.action in CHANGES and change.user_group_id not in problems]
    assert left == []


@property_of(worlds(), modes)
def test_to_apply_twice_is_to_apply_once(world, mode):
    run = Run(world, **mode)
    run.apply()
    once, problems, rows = run.state(), run.problems, run.tokens.rows()
    run.apply()
    assert run.state() == once
    assert run.tokens.rows() == rows
    assert run.problems == problems
    assert {change if isinstance(change, str) else change[1] for change in run.changes} - {None} <= problems


@property_of(worlds(), modes, st.lists(st.integers(0, 1000), min_size=1, max_size=3))
def test_a_kill_at_any_moment_changes_nothing_in_the_end(world, mode, kills):
    whole = Run(world, **mode)
    moments = whole.apply()
    killed = Run(world, **mode)
    for kill in kills:
        killed.apply(fails_at=1 + kill % max(1, moments))
    killed.apply()
    groups, rows = whole.state()
    groups_after, rows_after = killed.state()
    assert groups_after == groups
    if mode["if_exists"] == "fail":
        # A group that was created, and not saved, by a run that was killed: it looks like somebody else's.
        created = groups.keys() - world.groups.keys()
        assert rows_after.items() <= rows.items()
        assert rows.keys() - rows_after.keys() <= created & killed.problems
        assert killed.problems - created == whole.problems - created
    else:
        assert rows_after == rows
        assert killed.problems == whole.problems


@property_of(worlds(), modes)
def test_what_the_table_and_the_query_do_not_know_is_never_touched(world, mode):
    run = Run(world, **mode)
    run.apply()
    in_query, in_table = {row["user_group_id"] for row in world.wanted}, {row.user_group_id for row in world.saved}
    for name, group in world.groups.items():
        if name not in in_query and (name not in in_table or mode["if_missing"] != "delete"):
            assert run.explo.groups[name] == group
        if name in in_query and mode["if_exists"] != "update":
            assert run.explo.groups[name] == group
    assert set(run.explo.deleted) <= in_table - in_query
    assert not run.explo.deleted or mode["if_missing"] == "delete"


@property_of(worlds(), modes)
def test_whoever_is_well_has_explo_s_token_and_with_update_what_is_wanted(world, mode):
    run = Run(world, **mode)
    run.apply()
    rows = run.tokens.rows()
    # Without refresh, the table is trusted; with it, only for the parent, which Explo does not show.
    trusted = set() if mode["refresh"] else {row.user_group_id for row in world.saved}
    settled = {row.user_group_id for row in world.saved if not row.content_hash.endswith(UNSETTLED)}
    for row in world.wanted:
        name = row["user_group_id"]
        if name in run.problems or name in trusted:
            continue
        group = run.explo.groups[name]
        assert rows[name].token == group.token
        if mode["if_exists"] == "update":
            assert group.name == row["name"]
            assert row["mapping"] in (None, dict(group.mapping))
            assert row["parent_provided_id"] in (None, group.parent) or name in settled


@pytest.mark.parametrize("if_missing", ["keep", "delete"])
def test_a_token_that_two_groups_share_is_neither_saved_nor_used_to_delete(if_missing):
    shared = Group(token="shared")
    world = World(
        wanted=[{"user_group_id": "a", "name": "N"}],
        groups={"unmanaged": shared, "a": Group(token="a-live"), "b": shared},
        saved=[TokenRow(user_group_id="b", name="N", token="b-old", content_hash="")],
        refused=frozenset(),
    )
    run = Run(world, if_missing=if_missing, refresh=True)
    run.apply()
    assert run.explo.groups == world.groups
    assert run.tokens.rows()["b"].token == "b-old"
