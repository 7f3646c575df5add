"""The end of a run: what ended it is on its page, however many bad rows come first, and how to run it again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.base import how_to_clear
from airflow_provider_explo.sync import progress
from tests.transfers.conftest import Pushed

CREATE = "POST /embed/create_user_group/"


@pytest.fixture
def wrong_token(explo_connection, monkeypatch):
    connection = json.loads(explo_connection.connection_json(requests_per_minute=60_000))
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", json.dumps({**connection, "password": "wrong"}))


def test_twenty_bad_rows_do_not_hide_the_401_that_stopped_everything(sync, database, wrong_token):
    database.put(*((f"t{number:03}", "" if number < 60 else "T") for number in range(160)))
    run = sync(refresh=False, on_rejected="skip")
    assert isinstance(run.error, AirflowFailException)
    assert run.counts == {"rejected": 60, "failed": 100}
    first, *others = run.summary["problems"]
    assert (first["status"], first["ended_run"], first["outcome"]) == (401, True, "failed")
    assert {cause["field"]: cause["count"] for cause in others if cause["outcome"] == "rejected"} == {"$.name": 60}
    assert sum(cause["count"] for cause in run.summary["problems"] if cause["outcome"] == "failed") == 100
    assert "HTTP 401, Explo rejected the API token" in str(run.error).splitlines()[1]
    assert "HTTP 401" in run.summary["text"].splitlines()[2]
    assert len(str(run.error).splitlines()) <= 40
    assert max(map(len, str(run.error).splitlines())) <= 88


def test_rejected_rows_that_are_skipped_are_in_the_log_by_cause(bulk, database):
    database.put(("good", "Good"), *((f"bad{number}", "") for number in range(9)))
    run = bulk(on_rejected="skip")
    assert run.state == "success"
    assert "rejected: 9 rows, such as row 2 'bad0', row 3 'bad1', row 4 'bad2'" in run.log
    assert run.xcom("onboard")["problems"][0]["count"] == 9


def test_progress_counts_as_done_only_what_was_sent(sync, database, explo_connection, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    database.put(*((f"t{number:02}", "T") for number in range(30)))
    explo_connection.inject(Fault("status", status=403, times=None, path="create_user_group"))
    assert sync(refresh=False).counts == {"failed": 30}
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Tenants done")]
    assert "Tenants done: 0 of 30, 30 failed, 0 per minute" in lines[-1]


def test_a_run_without_a_date_is_cleared_by_hand():
    assert how_to_clear({"ti": Pushed()}) == "Then clear the task sync of the run run, in Airflow's UI."


def test_names_are_quoted_for_the_shell():
    ti = Pushed()
    ti.dag_id, ti.task_id = "a b", "group.sync"
    command = how_to_clear({"ti": ti, "logical_date": datetime(2026, 3, 3, tzinfo=timezone.utc)})
    assert command == (
        "Then, to run it again:\n"
        "  airflow tasks clear 'a b' -t group.sync --only-failed --downstream --yes \\\n"
        "    -s 2026-03-03T00:00:00+00:00 -e 2026-03-03T00:00:00+00:00"
    )


@pytest.mark.slow
def test_the_command_of_the_message_clears_the_task_of_that_run_only(run_dag, database, explo_connection):
    from airflow.models import DagBag

    database.put(("acme", "Acme"))
    explo_connection.inject(Fault("status", status=400, times=None, path="create_user_group"))
    folder = str(Path(__file__).parents[2] / "dags")
    dag = DagBag(folder).dags["explo_sync_tenants"]
    dag.task_dict["sync"].retries = 0
    before = run_dag(dag, datetime(2026, 3, 2, tzinfo=timezone.utc))
    run = run_dag(dag)
    assert (before.states, run.states) == ({"sync": "failed"}, {"sync": "failed"})
    (command,) = set(re.findall(r"airflow tasks clear .* \\\n +-s \S+ -e [-+:\dT]+", run.log))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "AIRFLOW__CORE__DAGS_FOLDER": folder}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (cleared,), (other,) = run.task_instances.values(), before.task_instances.values()
    for instance in (cleared, other):
        instance.refresh_from_db()
    assert (cleared.state, other.state) == (None, "failed")
