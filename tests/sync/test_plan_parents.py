"""Parents are put before children, and a parent that is nowhere fails its child alone."""

from __future__ import annotations

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.sync.actual import ActualGroups
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.planner import Planner
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.sync.undecided import Undecided
from airflow_provider_explo.tenants.validation import TenantValidator

RULES = TenantValidator()


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
