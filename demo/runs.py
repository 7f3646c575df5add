"""Inside the demo's Airflow: run the steps, and report what happens to the tenants.

    python -m demo.runs FD

One JSON object per line goes to the file descriptor FD; everything else that Airflow prints goes where stdout goes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

from airflow.providers.common.compat.sdk import get_listener_manager, hookimpl

from airflow_provider_explo.exceptions import ExploValidationError
from demo import connections, home
from demo.steps import STEPS

SYNC_TASK, ONE_TASK = "sync", "create_user_group"


class Reporter:
    """An Airflow listener that writes events."""

    def __init__(self, descriptor: int) -> None:
        self._out = os.fdopen(descriptor, "w", encoding="utf-8")

    def write(self, **event: Any) -> None:
        self._out.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._out.flush()

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        if task_instance.task_id == ONE_TASK:
            group = task_instance.xcom_pull(task_ids=ONE_TASK, key="user_group", map_indexes=task_instance.map_index)
            outcome = "created" if group["new_user_group"] else "existing"
            self.write(tenant=group["provided_id"], name=group["name"], outcome=outcome)
        elif task_instance.task_id == SYNC_TASK:
            self._write_summary(task_instance)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        if task_instance.task_id == SYNC_TASK:
            self._write_summary(task_instance)
            return
        task = task_instance.task
        tenant = getattr(task, "tenant", None) or {"user_group_id": getattr(task, "user_group_id", task.task_id)}
        outcome = "rejected" if isinstance(error.__context__, ExploValidationError) else "failed"
        self.write(tenant=tenant["user_group_id"], name=tenant.get("name"), outcome=outcome, reason=str(error))

    def _write_summary(self, task_instance: Any) -> None:
        self.write(summary=task_instance.xcom_pull(task_ids=SYNC_TASK))


class RequestCounter(logging.Handler):
    """Counts requests to Explo: the client logs a line for each."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(logging.DEBUG)
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.write(request=True)


def main(descriptor: int) -> None:
    from airflow.models import DagBag

    reporter = Reporter(descriptor)
    get_listener_manager().add_listener(reporter)
    client_log = logging.getLogger("airflow_provider_explo.client")
    client_log.setLevel(logging.DEBUG)
    client_log.addHandler(RequestCounter(reporter))
    connections.make_pool()
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    for step in STEPS:
        if step.prepare:
            step.prepare(home.WAREHOUSE)
        reporter.write(step=step.title, dag=step.dag_id)
        begun = time.monotonic()
        run = bag.dags[step.dag_id].test(logical_date=step.logical_date, run_conf=step.conf)
        reporter.write(state=str(run.state), seconds=time.monotonic() - begun)


if __name__ == "__main__":
    main(int(sys.argv[1]))
