"""Parsing the example DAGs: cheap, silent, and without a look at anything outside."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import AIRFLOW
from tests.dags.conftest import DAGS

# Approval by a human needs Airflow 3.1; before, that file defines no DAG.
REVIEW = "explo_review_changes"
EXAMPLES = [path.stem for path in sorted(DAGS.glob("*.py")) if path.stem != REVIEW or AIRFLOW >= (3, 1)]


def test_parsing_opens_no_connection_looks_none_up_and_warns_of_nothing(airflow_home):
    paths = sorted(map(str, DAGS.glob("*.py")))
    assert paths
    script = f"""
import runpy, socket, sys, warnings
import airflow.providers.common.compat.sdk, airflow.models
def refuse(*_, **__):
    raise AssertionError("a connection while parsing")
socket.socket.connect = refuse
before = set(sys.modules)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for path in {paths!r}:
        runpy.run_path(path)
ours = [str(warning) for warning in caught
        if warning.filename in {paths!r} or "airflow_provider_explo" in warning.filename]
assert not ours, ours
new = set(sys.modules) - before
heavy = {{"requests", "regex", "airflow_provider_explo.client.client", "airflow_provider_explo.sql.token_table"}}
assert not new & heavy, new
"""
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nonexistent/none.db"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_requests_share_the_budget_through_a_pool_of_ten_slots(example):
    """While the sync runs, two slots and a fifth of the budget are left: no signup waits for it."""
    slots = {}
    for name in EXAMPLES:
        for task in example(name).tasks:
            arguments = getattr(task, "partial_kwargs", None) or vars(task)
            if "explo_conn_id" in arguments or arguments.get("token_conn_id"):
                assert arguments["pool"] == "explo"
                slots[name, task.task_id] = arguments.get("pool_slots", 1), arguments.get("budget_share")
    reviewed = {(REVIEW, "plan"): (1, 1.0), (REVIEW, "apply"): (8, 0.8)} if REVIEW in EXAMPLES else {}
    assert slots == {
        ("explo_sync_tenants", "sync"): (8, 0.8),
        ("explo_onboard_new_tenants", "create_user_group"): (1, None),
        ("explo_onboard_tenant", "create_user_group"): (1, None),
        **reviewed,
    }


@pytest.mark.parametrize(
    ("name", "lines"),
    [("explo_sync_tenants", 35), ("explo_onboard_new_tenants", 45), ("explo_onboard_tenant", 45), (REVIEW, 50)],
)
def test_an_example_fits_on_one_screen(name, lines):
    assert len((DAGS / f"{name}.py").read_text().splitlines()) <= lines


def test_an_example_is_one_dag_whose_file_has_its_name(example):
    ids = {name: example(name).dag_id for name in EXAMPLES}
    assert ids
    assert all(name == dag_id for name, dag_id in ids.items())


def test_a_dag_that_airflow_is_too_old_for_is_left_out_and_breaks_nothing(airflow_home):
    from airflow.models import DagBag

    bag = DagBag(str(DAGS))
    assert not bag.import_errors
    assert set(bag.dags) == set(EXAMPLES)
