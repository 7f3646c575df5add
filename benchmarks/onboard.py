"""Our contender: SqlToExploOperator, run as a task runs it. Meant for a child process."""

from __future__ import annotations

import os
import time
from itertools import islice
from typing import Any

from benchmarks.child import peak_megabytes
from benchmarks.world import SQL, tenant


class TaskInstance:
    """As much of a task instance as the operator uses."""

    dag_id, task_id, run_id, map_index = "bench", "onboard", "run", -1

    def xcom_push(self, *, key: str, value: Any) -> None:
        raise RuntimeError(f"the operator failed: {value}")


def connect(*, warehouse: str, explo: str) -> None:
    """Give this process its connections."""
    os.environ["AIRFLOW_CONN_WAREHOUSE"] = warehouse
    os.environ["AIRFLOW_CONN_EXPLO_DEFAULT"] = explo


def onboard(*, warehouse: str, explo: str, **arguments: Any) -> dict[str, Any]:
    """Bring all tenants of the warehouse into Explo.

    :param arguments: the operator's, others than by default.
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

    # The operator asks for its last client when its plan is done.
    setattr(ExploHook, "client", client)  # noqa: B010
    context: Any = {"ti": TaskInstance()}
    operator = SqlToExploOperator(task_id="onboard", sql=SQL, sql_conn_id="warehouse", **arguments)
    begun = time.perf_counter()
    summary = operator.execute(context)
    ended = time.perf_counter()
    sending = ended - made[-1] if made else 0.0
    return {
        "seconds": ended - begun,
        "sending": sending,
        "peak": peak_megabytes(),
        "lost": summary["failed"] + summary["rejected"],
    }


def remember(*, warehouse: str, explo: str) -> None:
    """Save the tokens of all tenants that are in Explo, as if they had been onboarded with the warehouse's content."""
    connect(warehouse=warehouse, explo=explo)
    from airflow_provider_explo.hooks.explo import ExploHook
    from airflow_provider_explo.tenants.content_hash import content_hash
    from airflow_provider_explo.tenants.tenant import Tenant
    from airflow_provider_explo.token_table import TokenRow, TokenTable

    table = TokenTable.of_connection("warehouse")
    table.create_if_missing()
    groups = ExploHook().get_conn().list_user_groups()
    for page in iter(lambda: list(islice(groups, 5_000)), []):
        wanted = [Tenant(**tenant(int(group.provided_id.rpartition("-")[2]))) for group in page]
        table.save_all(
            [
                TokenRow(
                    user_group_id=group.provided_id,
                    name=row.name,
                    token=group.token,
                    content_hash=content_hash(row),
                )
                for group, row in zip(page, wanted, strict=True)
            ]
        )
