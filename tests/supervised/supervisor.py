"""One task on Airflow's own supervisor: ``python -m tests.supervised.supervisor``. It ends when the task has ended.

Airflow 3: the supervisor of the Task SDK, which forks the task's process, beside the test's execution API.
Airflow 2: ``airflow tasks run --local``, which forks it too.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4

from airflow import __version__

DAG_FILE = Path(__file__).parent / "dags" / "ends.py"
DATE = datetime(2024, 1, 1, tzinfo=timezone.utc)


def main() -> None:
    if __version__.startswith("2."):
        run_local_task_job()
    else:
        supervise()


def supervise() -> None:
    from airflow.sdk.api.datamodels._generated import BundleInfo, TaskInstance
    from airflow.sdk.execution_time import supervisor

    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    run = getattr(supervisor, "supervise_task", None) or supervisor.supervise
    instance = TaskInstance(
        id=uuid4(), task_id="task", dag_id="ends", run_id="run", try_number=1, map_index=-1, dag_version_id=uuid4()
    )
    code = run(
        ti=instance,
        bundle_info=BundleInfo(name="dags-folder"),
        dag_rel_path=DAG_FILE.name,
        token="",
        server=os.environ["EXPLO_TEST_API"],
        subprocess_logs_to_stdout=True,
    )
    sys.exit(code)


def run_local_task_job() -> None:
    from airflow.cli.cli_parser import get_parser
    from airflow.models import DagBag
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType

    dag = DagBag(DAG_FILE).dags["ends"]
    dag.sync_to_db()
    run_id = f"run-{uuid4()}"
    dag.create_dagrun(
        run_id=run_id,
        state=DagRunState.RUNNING,
        run_type=DagRunType.MANUAL,
        execution_date=datetime.now(timezone.utc),
        data_interval=(DATE, DATE),
    )
    arguments = ["tasks", "run", "ends", "task", run_id, "--local", "--subdir", str(DAG_FILE)]
    parsed = get_parser().parse_args(arguments)
    parsed.func(parsed, dag=dag)


if __name__ == "__main__":
    main()
