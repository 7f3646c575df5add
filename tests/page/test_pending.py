"""Plans that wait for approval, from responses of Airflow's REST API over a loopback socket."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.page.pending import PlannedChange, WaitingPlan, task_path, waiting_plans

RUN = "/api/v2/dags/review/dagRuns/run%201"
DETAILS = "/api/v2/dags/~/dagRuns/~/hitlDetails"
XCOM = f"{RUN}/taskInstances/plan/xcomEntries/return_value"
PLAN = {
    "digest": "d",
    "create": 1,
    "update": 2,
    "unchanged": 9,
    "plan": [
        {"user_group_id": "same", "action": "unchanged"},
        {
            "user_group_id": "bolt",
            "action": "update",
            "reason": "differs in Explo: name",
            "changes": {"name": {"before": "'By hand'", "after": "'Bolt'"}},
        },
    ],
}


def waiting(**task_instance):
    instance = {"dag_id": "review", "dag_run_id": "run 1", "task_id": "approve", "map_index": -1, "state": "deferred"}
    return {
        "task_instance": {**instance, **task_instance},
        "subject": "Apply?",
        "body": "**Plan**",
        "created_at": "now",
    }


def planner(**fields):
    return {"task_id": "plan", "map_index": -1, "operator": "SqlToExploOperator", "state": "success", **fields}


@pytest.fixture
def airflow():
    """What each path answers with, and the queries that came."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            seen[parts.path] = parse_qs(parts.query)
            body = bodies.get(parts.path)
            self.send_response(200 if body is not None else 403)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments):
            pass

    bodies = {
        DETAILS: {"hitl_details": [waiting()]},
        f"{RUN}/taskInstances": {"task_instances": [planner()]},
        XCOM: {"value": PLAN},
    }
    seen = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", bodies, seen
    server.shutdown()
    server.server_close()


def plans(airflow, *, task=""):
    async def ask():
        async with httpx.AsyncClient(base_url=airflow[0], trust_env=False) as api:
            return await waiting_plans(api, task=task)

    return asyncio.run(ask())


@pytest.mark.parametrize("written", [lambda plan: plan, json.dumps])
def test_a_plan_is_shown_with_what_it_changes(airflow, written):
    _, bodies, seen = airflow
    bodies[XCOM] = {"value": written(PLAN)}
    change = PlannedChange(
        user_group_id="bolt",
        action="update",
        reason="differs in Explo: name",
        fields={"name": ("'By hand'", "'Bolt'")},
    )
    (plan,) = plans(airflow)
    assert plan == WaitingPlan(
        task="review/approve",
        run="run 1",
        path="/dags/review/runs/run%201/tasks/approve",
        subject="Apply?",
        text="**Plan**",
        created_at="now",
        counts={"to create": 1, "to update": 2, "unchanged": 9},
        changes=(change,),
        left_out=2,
    )
    assert seen[DETAILS]["response_received"] == ["false"]
    assert seen[XCOM] == {"map_index": ["-1"]}


def test_without_the_plan_there_is_the_question(airflow):
    _, bodies, _ = airflow
    for unreadable in (None, {"value": "no JSON"}, {"value": {"rows": 1}}):
        bodies[XCOM] = unreadable
        (plan,) = plans(airflow)
        assert (plan.text, plan.counts, plan.changes, plan.left_out) == ("**Plan**", {}, (), 0)


@pytest.mark.parametrize(
    "instance", [planner(operator="BashOperator"), planner(operator=None), planner(state="failed")]
)
def test_an_approval_of_something_else_is_left_out(airflow, instance):
    airflow[1][f"{RUN}/taskInstances"] = {"task_instances": [instance]}
    assert plans(airflow) == []


def test_what_has_ended_or_may_not_be_seen_is_left_out(airflow):
    _, bodies, _ = airflow
    bodies[DETAILS] = {"hitl_details": [waiting(state="success"), waiting(state="skipped")]}
    assert plans(airflow) == []
    bodies[DETAILS] = {"hitl_details": [waiting()]}
    del bodies[f"{RUN}/taskInstances"]
    assert plans(airflow) == []


def test_only_the_dag_of_a_task_is_asked_for(airflow):
    _, bodies, seen = airflow
    bodies["/api/v2/dags/review/dagRuns/~/hitlDetails"] = {"hitl_details": []}
    assert plans(airflow, task="review/plan") == []
    assert DETAILS not in seen


def test_an_airflow_that_does_not_say_is_an_error(airflow):
    del airflow[1][DETAILS]
    with pytest.raises(ExploError, match="does not show what waits for approval"):
        plans(airflow)


def test_the_path_of_a_mapped_task():
    assert task_path("a/b/3", "r/1") == "/dags/a/runs/r%2F1/tasks/b/mapped/3"
    assert task_path("a/b", "r", 4) == "/dags/a/runs/r/tasks/b/mapped/4"
