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
from datetime import datetime, timezone
from typing import Any

from airflow.providers.common.compat.sdk import get_listener_manager, hookimpl

from airflow_provider_explo.exceptions import ExploValidationError
from demo import connections, home, warehouse
from demo.steps import NEW, REVIEW, STEPS, SYNC, Step
from demo.task_logs import TaskLogs

SYNC_TASK, ONE_TASK = "sync", "create_user_group"


class Reporter:
    """An Airflow listener that writes events, and begins a log for each task."""

    def __init__(self, descriptor: int, logs: TaskLogs) -> None:
        self._out = os.fdopen(descriptor, "w", encoding="utf-8")
        self._logs = logs

    def write(self, **event: Any) -> None:
        self._out.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._out.flush()

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        self._logs.begin(task_instance)

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
    """Counts requests to Explo: the client logs a line for each, at a level that Airflow does not show."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(logging.DEBUG)
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.write(request=True)


def main(descriptor: int) -> None:
    from airflow.models import DagBag

    logs = TaskLogs()
    logs.configure()
    reporter = Reporter(descriptor, logs)
    get_listener_manager().add_listener(reporter)
    client_log = logging.getLogger("airflow_provider_explo.client")
    client_log.setLevel(logging.DEBUG)
    counter = RequestCounter(reporter)
    client_log.addHandler(counter)
    connections.make_pool()
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    for step in STEPS:
        if step.prepare:
            step.prepare(home.WAREHOUSE)
        reporter.write(step=step.title, dag=step.dag_id)
        begun = time.monotonic()
        run = _run(bag.dags[step.dag_id], step)
        logs.end()
        reporter.write(state=str(run.state), seconds=time.monotonic() - begun, run_id=run.run_id)
    client_log.removeHandler(counter)
    _leave_work()


def _run(dag: Any, step: Step) -> Any:
    """The step's run, which lasted from when it began: ``dag.test()`` lets it begin at its logical date.

    It also replaces a run of the same logical date, so each run has one.
    """
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    begun = datetime.now(timezone.utc)
    run = dag.test(logical_date=step.logical_date or begun, run_conf=step.conf)
    with create_session() as session:
        session.query(DagRun).filter(DagRun.id == run.id).update({"start_date": begun})
    return run


def _leave_work() -> None:
    """What a plan finds that is made after the demo: changes in the warehouse, and somebody's by hand in Explo.

    The daily DAGs are paused, so that none runs before the UI is there, and none changes Explo without asking.
    """
    from airflow.models import DagModel
    from airflow.utils.session import create_session

    from airflow_provider_explo.hooks.explo import ExploHook

    warehouse.change_again(home.WAREHOUSE)
    ExploHook().get_conn().update_user_group(user_group_id=warehouse.EDITED_IN_EXPLO, name="Renamed by hand")
    with create_session() as session:
        session.query(DagModel).filter(DagModel.dag_id.in_((SYNC, NEW, REVIEW))).update({"is_paused": True})


if __name__ == "__main__":
    main(int(sys.argv[1]))
