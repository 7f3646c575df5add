"""Every night: what Explo lacks is planned, a human approves the plan, and exactly that is done. Airflow 3.1 or later.

The plan is under *Required Actions*, and in the REST API. What changes after it waits for the next plan, and the log
says so. With nothing to do, no approval is asked for. Reads the connections ``warehouse`` and ``explo_default``;
planning takes 1 of the 10 slots of the pool ``explo``, applying takes 8.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from airflow import __version__
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

QUERY = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants"
SYNC = {"sql": QUERY, "sql_conn_id": "warehouse", "if_exists": "update", "if_missing": "report", "pool": "explo"}
SYNC |= {"rejects_table": "explo_rejects", "log_table": "explo_log"}

if tuple(map(int, __version__.split(".")[:2])) < (3, 1):
    logging.getLogger(__name__).info("No DAG explo_review_changes: approval by a human needs Airflow 3.1 or later")
else:
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    with DAG(
        "explo_review_changes",
        schedule="@daily",
        start_date=datetime(2024, 1, 1),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
        tags=["explo"],
        doc_md=__doc__,
    ):

        @task.short_circuit
        def anything_to_do(plan: dict[str, Any]) -> bool:
            return any(plan.get(action) for action in ("create", "update", "delete", "save", "refuse", "reject"))

        plan = SqlToExploOperator(task_id="plan", dry_run=True, **SYNC)
        text = "{{ ti.xcom_pull(task_ids='plan')['text'] }}"
        approve = ApprovalOperator(task_id="approve", subject="Change Explo as planned?", body=text)
        apply = SqlToExploOperator(task_id="apply", approved_plan=plan.output, pool_slots=8, budget_share=0.8, **SYNC)
        anything_to_do(plan.output) >> approve >> apply
