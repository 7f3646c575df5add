"""Every way in which a task can meet Explo, in one run: each tenant has its own fault in the emulator."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

FAULTS = os.environ["TEST_FAULTS"].split()
CONNECTIONS = ("wrong_token", "read_only", "away", "not_explo")
TENANT = {"name": "Acme", "mapping": {"40": "213"}, "properties": {"plan": "gold"}}
QUERY = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants"

with DAG("every_error_path", start_date=datetime(2024, 1, 1), schedule=None, default_args={"retries": 0}):
    for fault in FAULTS:
        explo = {"explo_conn_id": "patient" if fault in ("retried", "none") else "explo_default"}
        ExploCreateUserGroupOperator(task_id=f"create_{fault}", user_group_id=f"create-{fault}", **explo, **TENANT)
        ExploCreateUserGroupOperator(
            task_id=f"keep_{fault}", user_group_id=f"keep-{fault}", token_conn_id="warehouse", **explo, **TENANT
        )
    for connection in CONNECTIONS:
        ExploCreateUserGroupOperator(
            task_id=f"create_{connection}", user_group_id=connection, explo_conn_id=connection, **TENANT
        )
        SqlToExploOperator(
            task_id=f"bulk_{connection}",
            sql=QUERY,
            sql_conn_id="warehouse",
            explo_conn_id=connection,
            token_table=f"tokens_{connection}",
        )
    ExploCreateUserGroupOperator(task_id="create_bad_tenant", user_group_id=" ", name="", mapping={"x": []})
    SqlToExploOperator(task_id="bulk", sql=QUERY, sql_conn_id="warehouse", rejects_table="rejects", if_exists="update")
    # The database shows a row that it refuses in its error, and in the row the token.
    SqlToExploOperator(task_id="bulk_in_refusing_table", sql=QUERY, sql_conn_id="warehouse", token_table="refusing")
    ExploCreateUserGroupOperator(
        task_id="keep_in_refusing_table",
        user_group_id="refused",
        token_conn_id="warehouse",
        token_table="refusing",
        **TENANT,
    )
