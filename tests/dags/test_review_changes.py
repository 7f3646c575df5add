"""explo_review_changes, run for real; the plan is approved or rejected through the REST API of a running api-server."""

from __future__ import annotations

import html
import json
import os
import re
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import AIRFLOW
from tests.dags.conftest import day_after
from tests.processes import Program, free_port, wait_until

# test_parsing parses it on 3.1 and later. Before 3.3, a deferred task of `dag.test()` cannot ask for a response.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW < (3, 3), reason="dag.test() waits for a human in Airflow 3.3 and later"),
]
DAG_ID = "explo_review_changes"
TENANTS = [(name, name.title(), "2026-03-02T10:00:00Z") for name in ("acme", "bolt", "crux")]


class Human:
    """Reads and responds to what Airflow asks for, with the requests that its UI makes."""

    def __init__(self, url: str) -> None:
        self._url = url

    def page(self) -> str:
        """The text of the provider's page, with a mark between cells."""
        with urllib.request.urlopen(self._request("GET", "/explo/"), timeout=30) as response:
            text = re.sub(r"</t[hd]>", " | ", response.read().decode())
        return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", text).split()))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        with urllib.request.urlopen(self._request(method, path, body), timeout=30) as response:
            return json.load(response)

    def _request(self, method: str, path: str, body: Any = None) -> urllib.request.Request:
        with urllib.request.urlopen(f"{self._url}/auth/token", timeout=30) as response:
            token = json.load(response)["access_token"]
        return urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )

    def waiting(self) -> list[dict[str, Any]]:
        """What is asked for, and without a response."""
        details = self.request("GET", f"/api/v2/dags/{DAG_ID}/dagRuns/~/hitlDetails?response_received=false")
        return list(details["hitl_details"])

    def respond(self, option: str, detail: dict[str, Any]) -> None:
        instance = detail["task_instance"]
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/{instance['dag_run_id']}/taskInstances/{instance['task_id']}/-1"
        self.request("PATCH", f"{path}/hitlDetails", {"chosen_options": [option], "params_input": {}})


@pytest.fixture(scope="module")
def human(airflow_home: Path) -> Iterator[Human]:
    """An api-server with the metadata database of these tests."""
    port = free_port()
    settings = {
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__EXPLO__PAGE": "True",
    }
    command = (sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port))
    log = airflow_home / "api-server.log"
    server = Program(*command, "--workers", "1", log=log, environment=os.environ | settings, cwd=airflow_home)
    server.start()
    human = Human(f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: human.request("GET", "/api/v2/version"), what="a running api-server", patience=120)
        yield human
    finally:
        server.stop()


@pytest.fixture
def review(example: Callable[[str], Any], run_dag: Any, human: Human) -> Callable[..., Any]:
    """Run the DAG. Someone sees the plan; then ``meanwhile`` happens; then they choose an option."""

    def run(option: str, meanwhile: Callable[[], Any] = lambda: None) -> Any:
        bodies = []

        def respond() -> None:
            wait_until(human.waiting, what="a request for approval", patience=60)
            (detail,) = human.waiting()
            bodies.append(detail["body"])
            meanwhile()
            human.respond(option, detail)

        responder = threading.Thread(target=respond, daemon=True)
        responder.start()
        finished = run_dag(example(DAG_ID), day_after(2))
        responder.join(60)
        return finished, *bodies

    return run


@pytest.fixture
def execute(warehouse: Path) -> Callable[[str], None]:
    def statement(sql: str) -> None:
        with closing(sqlite3.connect(warehouse)) as connection, connection:
            connection.execute(sql)

    return statement


def names(explo: Any) -> dict[str, str]:
    return {group.provided_id: group.name for group in explo.groups}


def test_what_is_approved_is_done_and_nothing_else(review, sign_up, saved, explo_connection):
    sign_up(*TENANTS)
    explo_connection.add(provided_id="acme", name="By hand")
    run, body = review("Approve")
    assert run.state == "success", run.log
    assert body.startswith("**Plan: 2 to create, 1 to update**")
    assert "name: 'By hand' → 'Acme'" in body
    counts = run.xcom("apply")
    assert (counts["created"], counts["updated"]) == (2, 1)
    assert names(explo_connection) == {"acme": "Acme", "bolt": "Bolt", "crux": "Crux"}
    assert {tenant: row["token"] for tenant, row in saved().items()} == {
        group.provided_id: group.token for group in explo_connection.groups
    }


def test_what_changes_after_the_plan_waits_for_the_next_and_the_log_says_so(
    review, sign_up, saved, explo_connection, execute
):
    sign_up(*TENANTS[:2])

    def meanwhile():
        execute("UPDATE tenants SET name = 'Renamed' WHERE tenant_id = 'bolt'")
        sign_up(TENANTS[2])

    run, _ = review("Approve", meanwhile)
    assert run.state == "success", run.log
    assert names(explo_connection) == {"acme": "Acme"}
    assert set(saved()) == {"acme"}
    for tenant in ("bolt", "crux"):
        assert f"tenant '{tenant}': not as approved: waits for the next plan" in run.log
    assert "2 changes are not in the approved plan" in run.log
    run, body = review("Approve")
    assert "2 to create" in body
    assert names(explo_connection) == {"acme": "Acme", "bolt": "Renamed", "crux": "Crux"}


def test_what_is_rejected_is_not_done(review, sign_up, saved, explo_connection):
    sign_up(*TENANTS)
    run, _ = review("Reject")
    assert (run.states["plan"], run.states["approve"], run.states["apply"]) == ("success", "success", "skipped")
    assert {request.method for request in explo_connection.requests} == {"GET"}
    assert names(explo_connection) == {}
    assert saved() == {}


def test_the_page_shows_the_plan_beside_what_explo_holds(review, human, sign_up, explo_connection):
    sign_up(*TENANTS)
    explo_connection.add(provided_id="acme", name="By <b>hand</b>")
    pages = []
    review("Reject", lambda: pages.append(human.page()))
    (page,) = pages
    assert "Change Explo as planned? explo_review_changes/approve, run " in page
    assert "2 to create, 1 to update" in page
    assert "acme | update | name | 'By <b>hand</b>' | 'Acme' |" in page
    assert "bolt | create |" in page
    assert not [group.token for group in explo_connection.groups if group.token in page]
    assert "No plan waits for approval." in human.page()


def test_with_nothing_to_do_no_approval_is_asked_for(example, run_dag, human, sign_up, saved, explo_connection):
    run = run_dag(example(DAG_ID), day_after(2))
    assert (run.state, run.states["approve"], run.states["apply"]) == ("success", "skipped", "skipped")
    assert human.waiting() == []
    assert [request.method for request in explo_connection.requests] == ["GET"]
