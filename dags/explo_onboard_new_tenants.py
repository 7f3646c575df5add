"""Every day: the tenants who signed up in the data interval into Explo, each with a task of its own.

A row that reaches the warehouse after its day was run is missed; ``explo_sync_tenants`` picks it up. Reads the
connections ``warehouse`` and ``explo_default``, and each task takes 1 of the 10 slots of the pool ``explo``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseHook, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

COLUMNS = ("user_group_id", "name", "mapping", "properties")
# Midnight UTC, whatever the session's time zone; the second space sorts before any time where times are text.
SIGNED_UP = """
SELECT tenant_id, name, mapping, properties FROM tenants
WHERE signed_up_at >= '{{ data_interval_start | ds }}  00:00:00+00:00'
  AND signed_up_at < '{{ data_interval_end | ds }}  00:00:00+00:00'
"""

with DAG(
    "explo_onboard_new_tenants",
    # Not "@daily": in Airflow 3 that gives intervals of no length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["explo"],
    doc_md=__doc__,
):

    @task(show_return_value_in_logs=False)
    def new_tenants(sql: str) -> list[dict[str, Any]]:
        return [dict(zip(COLUMNS, row, strict=True)) for row in BaseHook.get_hook("warehouse").get_records(sql)]

    ExploCreateUserGroupOperator.partial(
        task_id="create_user_group",
        token_conn_id="warehouse",
        pool="explo",
        map_index_template="{{ task.tenant.user_group_id }}",
    ).expand(tenant=new_tenants(SIGNED_UP))
