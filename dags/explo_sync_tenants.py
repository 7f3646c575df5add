"""Every day: all tenants of the warehouse into Explo, and their tokens into the table ``explo_user_groups``.

Only a tenant that is new or has changed costs a request; a late row or a missed day is picked up by the next run. Reads
the connections ``warehouse`` and ``explo_default``, and takes 8 of the 10 slots of the pool ``explo``:

    airflow pools set explo 10 "Explo's request budget"
"""

from datetime import datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

with DAG(
    "explo_sync_tenants",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["explo"],
    doc_md=__doc__,
):
    SqlToExploOperator(
        task_id="sync",
        sql="SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants",
        sql_conn_id="warehouse",
        if_exists="update",
        rejects_table="explo_rejects",
        log_table="explo_log",
        pool="explo",
        pool_slots=8,
        budget_share=0.8,
    )
