"""Parsing the example DAGs: cheap, silent, and without a look at anything outside."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.dags.conftest import DAGS


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
ours = [str(one) for one in caught if one.filename in {paths!r} or "airflow_provider_explo" in one.filename]
assert not ours, ours
new = set(sys.modules) - before
heavy = {{"requests", "regex", "airflow_provider_explo.client.client", "airflow_provider_explo.sql.token_table"}}
assert not new & heavy, new
"""
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nonexistent/none.db"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_the_calling_tasks_share_the_budget_through_the_pool(example):
    for dag_id in ("explo_onboard_new_tenants", "explo_onboard_tenant"):
        (create,) = [task for task in example(dag_id).tasks if task.task_id.endswith("create_user_group")]
        assert create.pool == "explo"
    for dag_id, pool, share in (
        ("explo_onboard_tenants_bulk", "explo", 1),
        ("explo_onboard_tenants_in_chunks", "explo_shared", 0.25),
    ):
        onboard = example(dag_id).task_dict["onboard"]
        arguments = getattr(onboard, "partial_kwargs", None) or vars(onboard)
        assert (arguments["pool"], arguments["budget_share"]) == (pool, share)
