"""Inside the demo's Airflow: run an example DAG for some days, and tell what happens to the tenants.

    python -m demo.runs FD DAG DAY [DAY …]

One JSON object a line goes to the file descriptor FD; everything else that Airflow says goes where stdout goes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import get_listener_manager, hookimpl

from airflow_provider_explo.exceptions import ExploValidationError

TASK = "onboard.create_user_group"
BULK_TASK = "onboard"


class Teller:
    """An Airflow listener, and a log handler that counts the calls to Explo."""

    def __init__(self, descriptor: int) -> None:
        self._out = os.fdopen(descriptor, "w", encoding="utf-8")

    def tell(self, **what: Any) -> None:
        self._out.write(json.dumps(what, ensure_ascii=False) + "\n")
        self._out.flush()

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        if task_instance.task_id == TASK:
            group = task_instance.xcom_pull(task_ids=TASK, key="user_group", map_indexes=task_instance.map_index)
            outcome = "created" if group["new_user_group"] else "existing"
            self.tell(tenant=group["provided_id"], name=group["name"], outcome=outcome)
        elif task_instance.task_id == BULK_TASK:
            self._tell_summary(task_instance)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        if task_instance.task_id == BULK_TASK:
            self._tell_summary(task_instance)
            return
        tenant = getattr(task_instance.task, "user_group_id", None) if task_instance.task_id == TASK else None
        outcome = "rejected" if isinstance(error.__cause__, ExploValidationError) else "failed"
        self.tell(tenant=tenant, task=task_instance.task_id, outcome=outcome, reason=str(error))

    def _tell_summary(self, task_instance: Any) -> None:
        self.tell(summary=task_instance.xcom_pull(task_ids=BULK_TASK))


class CallCounter(logging.Handler):
    """Counts attempts at calling Explo: the client logs one line for each."""

    def __init__(self, teller: Teller) -> None:
        super().__init__(logging.DEBUG)
        self._teller = teller

    def emit(self, record: logging.LogRecord) -> None:
        self._teller.tell(call=True)


def main(descriptor: int, dag_id: str, days: list[date]) -> None:
    from airflow.models import DagBag
    from airflow.models.pool import Pool

    teller = Teller(descriptor)
    get_listener_manager().add_listener(teller)
    client_log = logging.getLogger("airflow_provider_explo.client.retrying")
    client_log.setLevel(logging.DEBUG)
    client_log.addHandler(CallCounter(teller))
    Pool.create_or_update_pool("explo", 1, "Explo's request budget: one task at a time", include_deferred=False)
    dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags[dag_id]
    for day in days:
        teller.tell(day=day.isoformat())
        # A run at midnight is about the day that ended then.
        run = dag.test(logical_date=datetime.combine(day + timedelta(days=1), time(), tzinfo=timezone.utc))
        teller.tell(day=day.isoformat(), state=str(run.state))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], [date.fromisoformat(day) for day in sys.argv[3:]])
