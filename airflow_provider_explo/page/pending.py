"""Plans that wait for approval, from Airflow's own REST API: it shows a user what that user may see, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sync.plan_table import ACTION_LABELS

if TYPE_CHECKING:
    import httpx

MAX_WAITING = 20
MAX_ROWS = 50
FINISHED = ("success", "failed", "skipped", "upstream_failed", "removed")


@dataclass(frozen=True, kw_only=True)
class PlannedChange:
    """One tenant in a plan.

    :param fields: by field, what Explo holds now and what it will hold.
    """

    user_group_id: str
    action: str
    reason: str
    fields: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class WaitingPlan:
    """A human is asked whether a plan should be applied.

    :param path: of the waiting task in Airflow's UI.
    :param text: what the human is asked, in Markdown.
    :param counts: changes by action; empty where the plan itself could not be read.
    :param left_out: changes that are not among ``changes``.
    """

    task: str
    run: str
    path: str
    subject: str
    text: str
    created_at: str
    counts: Mapping[str, int]
    changes: tuple[PlannedChange, ...] = ()
    left_out: int = 0


async def waiting_plans(api: httpx.AsyncClient, *, task: str) -> list[WaitingPlan]:
    """The plans that wait, latest first: approvals in runs in which a ``SqlToExploOperator`` planned.

    :param api: sends requests to Airflow's REST API, as the user.
    :param task: only of the DAG of this ``dag_id/task_id``; empty for all.
    :raises ExploError: Airflow did not say.
    """
    query = {"response_received": "false", "limit": MAX_WAITING, "order_by": "-created_at"}
    dag_id = quote(task.partition("/")[0], safe="") or "~"
    details = await _get(api, f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails", query)
    if details is None:
        raise ExploError("Airflow's REST API does not show what waits for approval")
    plans = []
    for detail in details["hitl_details"]:
        waiting = detail["task_instance"]
        if waiting["state"] not in FINISHED and (plan := await _plan(api, waiting, detail)):
            plans.append(plan)
    return plans


async def _plan(api: httpx.AsyncClient, waiting: Mapping[str, Any], detail: Mapping[str, Any]) -> WaitingPlan | None:
    """None where the approval is not of a plan for Explo."""
    run = f"/api/v2/dags/{quote(waiting['dag_id'], safe='')}/dagRuns/{quote(waiting['dag_run_id'], safe='')}"
    instances = await _get(api, f"{run}/taskInstances", {"limit": 100})
    planners = [
        instance
        for instance in (instances or {}).get("task_instances", [])
        if "SqlToExplo" in (instance.get("operator") or "") and instance["state"] == "success"
    ]
    if not planners:
        return None
    plan: Mapping[str, Any] = {}
    for planner in planners:
        path = f"{run}/taskInstances/{quote(planner['task_id'], safe='')}/xcomEntries/return_value"
        entry = await _get(api, path, {"map_index": planner["map_index"]})
        value = (entry or {}).get("value")
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, dict) and "digest" in value and isinstance(value.get("plan"), list):
            plan = value
            break
    changes = [change for change in plan.get("plan", []) if change["action"] != "unchanged"]
    counts = {label: plan[action] for action, label in ACTION_LABELS.items() if plan.get(action)}
    shown = changes[:MAX_ROWS]
    return WaitingPlan(
        task=f"{waiting['dag_id']}/{waiting['task_id']}",
        run=waiting["dag_run_id"],
        path=task_path(f"{waiting['dag_id']}/{waiting['task_id']}", waiting["dag_run_id"], waiting["map_index"]),
        subject=detail["subject"],
        text=detail.get("body") or "",
        created_at=str(detail.get("created_at") or ""),
        counts=counts,
        changes=tuple(map(_change, shown)),
        left_out=sum(counts.values()) - counts.get("unchanged", 0) - len(shown),
    )


def task_path(task: str, run: str, map_index: int = -1) -> str:
    """Where Airflow's UI shows a task of a run, below its root.

    :param task: ``dag_id/task_id``, or ``dag_id/task_id/map_index`` as the tables have it.
    """
    dag_id, task_id, mapped = (*task.split("/"), "", "")[:3]
    index = mapped or (str(map_index) if map_index >= 0 else "")
    path = f"/dags/{quote(dag_id, safe='')}/runs/{quote(run, safe='')}/tasks/{quote(task_id, safe='')}"
    return f"{path}/mapped/{index}" if index else path


def _change(change: Mapping[str, Any]) -> PlannedChange:
    fields = dict(_fields(change.get("changes") or {}))
    return PlannedChange(
        user_group_id=str(change["user_group_id"]),
        action=str(change["action"]),
        reason=str(change.get("reason") or ""),
        fields=fields,
    )


def _fields(changes: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, values in changes.items():
        yield name, (str(values.get("before", "")), str(values.get("after", "")))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


async def _get(api: httpx.AsyncClient, path: str, query: Mapping[str, Any]) -> Any:
    """The body of the response, or None where Airflow does not show it to this user."""
    response = await api.get(path, params=dict(query))
    return response.json() if response.status_code == 200 else None
