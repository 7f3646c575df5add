"""The demo's steps, in their order: a run of an example DAG each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

from demo import warehouse

SYNC, ONE, NEW = "explo_sync_tenants", "explo_onboard_tenant", "explo_onboard_new_tenants"
# Not a step: it waits for a human, in the UI.
REVIEW = "explo_review_changes"
SIGNUP = {"user_group_id": "signup-1", "name": "Signup & Co.", "mapping": {"40": "213"}, "properties": {"plan": "free"}}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One run.

    :param prepare: changes the warehouse before it.
    :param logical_date: the run's, or None.
    :param conf: the run's, or None.
    :param shows: what there is to see in Airflow's UI, and in which task; None for nothing more than in others.
    """

    title: str
    dag_id: str
    prepare: Callable[[Path], None] | None = None
    logical_date: datetime | None = None
    conf: dict[str, Any] | None = None
    shows: tuple[str, str] | None = None


# A run at midnight is about the day that ended then.
_AFTER_NEW_DAY = datetime.combine(warehouse.NEW_DAY + timedelta(days=1), time(), tzinfo=timezone.utc)
STEPS = (
    Step(title="sync: all tenants", dag_id=SYNC),
    Step(title="sync: nothing has changed", dag_id=SYNC),
    Step(
        title="sync: a changed, a corrected, a late row",
        dag_id=SYNC,
        prepare=warehouse.change,
        shows=("rejected in part", "sync"),
    ),
    Step(title="one signup", dag_id=ONE, conf=SIGNUP),
    Step(
        title="the same signup, with another plan",
        dag_id=ONE,
        conf={**SIGNUP, "properties": {"plan": "team"}},
        shows=("drift", "create_user_group"),
    ),
    Step(title="a day's new tenants", dag_id=NEW, prepare=warehouse.add_new_tenants, logical_date=_AFTER_NEW_DAY),
)
