"""A whole Airflow for a while: ``airflow standalone`` with LocalExecutor, in a folder of its own."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from benchmarks.child import PROJECT, environment
from demo.processes import running

PATIENCE = 300


class Scheduler:
    """An Airflow that runs.

    :param settings: its environment.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._database = folder / "airflow.db"
        self._settings = settings

    def run(self, dag_id: str) -> float:
        """Trigger a DAG and wait for its end.

        :returns: the seconds from the run's start to its end, by Airflow's own record.
        """
        command = [sys.executable, "-m", "airflow", "dags", "trigger", dag_id]
        subprocess.run(command, env=self._settings, cwd=PROJECT, check=True, capture_output=True)
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            query = "SELECT state, start_date, end_date FROM dag_run WHERE dag_id = ?"
            state, start, end = self._ask(query, dag_id)[0]
            if state == "success":
                return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
            if state == "failed":
                raise RuntimeError(f"the DAG {dag_id} failed")
            time.sleep(1)
        raise RuntimeError(f"the DAG {dag_id} did not end")

    def wait(self, process: subprocess.Popen[bytes], port: str) -> None:
        """Wait until it is healthy and knows its DAGs."""
        opener = build_opener(ProxyHandler({}))
        begun = time.monotonic()
        while process.poll() is None and time.monotonic() - begun < PATIENCE:
            try:
                with opener.open(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as response:
                    health = json.load(response)
                healthy = all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))
                if healthy and self._ask("SELECT dag_id FROM serialized_dag"):
                    return
            except (OSError, KeyError, ValueError, sqlite3.Error):
                pass
            time.sleep(1)
        raise RuntimeError("Airflow did not become healthy")

    def _ask(self, query: str, *values: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=60)) as database:
            return database.execute(query, values).fetchall()


@contextmanager
def scheduler(folder: Path, **settings: str) -> Iterator[Scheduler]:
    """Airflow with the DAGs of the benchmarks, started and in the end stopped.

    :param settings: variables of its environment.
    """
    port, *logs = (str(_free_port()) for _ in range(3))
    environ = environment(
        folder,
        # `airflow standalone` starts its parts by the name `airflow`.
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{folder / 'airflow.db'}?timeout=60",
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "benchmarks" / "dags"),
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
        AIRFLOW__API__HOST="127.0.0.1",
        AIRFLOW__API__PORT=port,
        AIRFLOW__API__BASE_URL=f"http://127.0.0.1:{port}",
        AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=logs[0],
        AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=logs[1],
        **settings,
    )
    with (
        (folder / "standalone.log").open("wb") as log,
        running([sys.executable, "-m", "airflow", "standalone"], environment=environ, log=log) as process,
    ):
        airflow = Scheduler(folder, environ)
        airflow.wait(process, port)
        yield airflow


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
