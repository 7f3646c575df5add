"""Our contender: SqlToExploOperator, run as a task runs it. Meant for a child process."""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.child import peak_megabytes
from benchmarks.world import SQL, tenants


class TaskInstance:
    """As much of a task instance as the operator uses."""

    dag_id, task_id, run_id, map_index = "bench", "onboard", "run", -1

    def xcom_push(self, *, key: str, value: Any) -> None:
        raise RuntimeError(f"the operator failed: {value}")


def connect(*, warehouse: str, explo: str) -> None:
    """Give this process its connections."""
    os.environ["AIRFLOW_CONN_WAREHOUSE"] = warehouse
    os.environ["AIRFLOW_CONN_EXPLO_DEFAULT"] = explo


def onboard(*, warehouse: str, explo: str) -> dict[str, Any]:
    """Bring all tenants of the warehouse into Explo.

    :returns: the seconds that it took, and how many of them from the moment when it began to send; the most memory, and
        how many tenants were not onboarded.
    """
    connect(warehouse=warehouse, explo=explo)
    from airflow_provider_explo.hooks.explo import ExploHook
    from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

    make_client, made = ExploHook.client, []

    def client(*arguments: Any, **options: Any) -> Any:
        made.append(time.perf_counter())
        return make_client(*arguments, **options)

    # The operator asks for a client when its plan is done.
    setattr(ExploHook, "client", client)  # noqa: B010
    context: Any = {"ti": TaskInstance()}
    operator = SqlToExploOperator(task_id="onboard", sql=SQL, sql_conn_id="warehouse")
    begun = time.perf_counter()
    summary = operator.execute(context)
    ended = time.perf_counter()
    sending = ended - made[0] if made else 0.0
    return {
        "seconds": ended - begun,
        "sending": sending,
        "peak": peak_megabytes(),
        "lost": summary["failed"] + summary["rejected"],
    }


def remember(*, warehouse: str, known: int) -> None:
    """Save tokens for the warehouse's first tenants, as if they had been onboarded before."""
    connect(warehouse=warehouse, explo="")
    from airflow_provider_explo.tenants.content_hash import content_hash
    from airflow_provider_explo.tenants.tenant import Tenant
    from airflow_provider_explo.token_table import TokenRow, TokenTable

    table = TokenTable.of_connection("warehouse")
    table.create_if_missing()
    rows = [
        TokenRow(
            user_group_id=tenant.user_group_id,
            name=tenant.name,
            token=f"token-of-{tenant.user_group_id}",
            content_hash=content_hash(tenant),
        )
        for tenant in (Tenant(**fields) for fields in tenants(known))
    ]
    for start in range(0, known, 5000):
        table.save_all(rows[start : start + 5000])
