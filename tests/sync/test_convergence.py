"""Applied once, twice, or after any kill: the same end, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass

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
# Each example has runs with threads and databases, whose time says more of the machine than of the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CHANGES = ("create", "update", "delete", "save")

ids = st.sampled_from(IDS)
names = st.sampled_from(["N", "M"])
mappings = st.sampled_from([(), (("40", "1"),), (("40", "2"),)])
wanted_rows = st.lists(
    st.fixed_dictionaries(
        {
            "user_group_id": ids,
            # Without a name it is rejected.
            "name": st.sampled_from(["N", "M", ""]),
            "mapping": st.none() | mappings.map(dict),
            "parent_provided_id": st.none() | st.none() | ids,
        }
    ),
    max_size=8,
)
hashes = st.sampled_from(["same", "same", "same?", "1:of-another-content", "1:of-another-content?", ""])


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
    wanted = draw(wanted_rows)
    groups = {}
    for name in draw(st.lists(ids, unique=True)):
        parent = draw(st.none() | st.none() | st.sampled_from([*groups])) if groups else None
        groups[name] = Group(name=draw(names), mapping=draw(mappings), parent=parent, token=f"{name}-live")
    digests = {row["user_group_id"]: content_hash(Tenant.parse(**row)) for row in reversed(wanted)}
    saved = []
    for name in draw(st.lists(ids, unique=True)):
        stored = draw(hashes).replace("same", digests.get(name, "1:same"))
        token = f"{name}-{draw(st.sampled_from(['live', 'live', 'old']))}"
        saved.append(TokenRow(user_group_id=name, name=draw(names), token=token, content_hash=stored))
    return World(wanted, groups, saved, draw(st.just(frozenset()) | st.frozensets(ids, max_size=1)))


modes = st.fixed_dictionaries(
    {
        "if_exists": st.sampled_from(["keep", "update", "fail"]),
        "if_missing": st.sampled_from(["keep", "report", "delete"]),
        "refresh": st.booleans(),
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
            self.outcomes = [result.outcome for chunk in results for result in chunk]
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


@unhurried
@given(worlds(), modes)
def test_after_apply_the_plan_is_empty(world, mode):
    run = Run(world, **mode)
    run.apply()
    problems = run.problems
    table = run.sync().plan([world.wanted])
    left = [change for change in table.rows if change.action in CHANGES and change.user_group_id not in problems]
    assert left == []


@unhurried
@given(worlds(), modes)
def test_to_apply_twice_is_to_apply_once(world, mode):
    run = Run(world, **mode)
    run.apply()
    once, problems, rows = run.state(), run.problems, run.tokens.rows()
    run.apply()
    assert run.state() == once
    assert run.tokens.rows() == rows
    assert run.problems == problems
    assert {change if isinstance(change, str) else change[1] for change in run.changes} - {None} <= problems


@unhurried
@given(worlds(), modes, st.lists(st.integers(0, 1000), min_size=1, max_size=3))
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


@unhurried
@given(worlds(), modes)
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


@unhurried
@given(worlds(), modes.filter(lambda mode: mode["refresh"]))
def test_whoever_is_well_has_explo_s_token_and_with_update_what_is_wanted(world, mode):
    run = Run(world, **mode)
    run.apply()
    well = {row["user_group_id"] for row in world.wanted} - run.problems
    rows = run.tokens.rows()
    for name in well:
        assert rows[name].token == run.explo.groups[name].token
    if mode["if_exists"] == "update":
        for row in world.wanted:
            group = run.explo.groups.get(row["user_group_id"])
            if row["user_group_id"] in well:
                assert group.name == row["name"]
                assert row["mapping"] in (None, dict(group.mapping))


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
