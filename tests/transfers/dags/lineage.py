"""Both transfers, for OpenLineage."""

from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

with DAG("lineage", start_date=datetime(2024, 1, 1), schedule=None):
    (
        SqlToExploOperator(
            task_id="sync",
            sql="SELECT tenant_id AS user_group_id, name FROM tenants WHERE tenant_id <> :other",
            parameters={"other": "globex"},
            sql_conn_id="warehouse",
        )
        >> ExploToSqlOperator(task_id="inventory", sql_conn_id="warehouse")
    )
