"""The DAGs of the benchmark ``signup``: the example for one tenant, and a task that does nothing."""

from __future__ import annotations

import os
import runpy
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

from benchmarks.child import PROJECT

if os.environ.get("BENCH_SIGNUP"):
    runpy.run_path(str(PROJECT / "dags" / "explo_onboard_tenant.py"))

    with DAG("nothing", start_date=datetime(2024, 1, 1), schedule=None):
        BashOperator(task_id="nothing", bash_command="true")
