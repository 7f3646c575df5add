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
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from benchmarks.child import PROJECT, environment
from demo.processes import running

PATIENCE = 300


class Scheduler:
    """An Airflow that runs.

    :param settings: its environment.
    :param url: of its API server.
    """

    def __init__(self, folder: Path, settings: dict[str, str], *, url: str) -> None:
        self._database = folder / "airflow.db"
        self._settings = settings
        self._url = url
        self._opener = build_opener(ProxyHandler({}))

    def command(self, *arguments: str) -> None:
        """Run a command of Airflow's."""
        command = [sys.executable, "-m", "airflow", *arguments]
        subprocess.run(command, env=self._settings, cwd=PROJECT, check=True, capture_output=True)

    def trigger(self, dag_id: str, *, conf: Any = None) -> str:
        """Trigger a DAG by the REST API.

        :returns: the id of its run.
        """
        body = {"logical_date": None, "conf": conf or {}}
        return str(self._request(f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def end_of_run(self, dag_id: str, run_id: str) -> float:
        """Wait for the end of a run's last task, and return when that was, in seconds since 1970."""
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            query = "SELECT state, end_date FROM task_instance WHERE dag_id = ? AND run_id = ?"
            tasks = self._ask(query, dag_id, run_id)
            if tasks and all(state == "success" for state, _ in tasks):
                ends = [datetime.fromisoformat(end) for _, end in tasks]
                return max(end.replace(tzinfo=end.tzinfo or timezone.utc).timestamp() for end in ends)
            time.sleep(0.05)
        raise RuntimeError(f"the run {run_id} of {dag_id} did not end")

    def run(self, dag_id: str) -> float:
        """Trigger a DAG and wait for its end.

        :returns: the seconds from the run's start to its end, by Airflow's own record.
        """
        self.command("dags", "trigger", dag_id)
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

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it is healthy and knows its DAGs."""
        begun = time.monotonic()
        while process.poll() is None and time.monotonic() - begun < PATIENCE:
            try:
                with self._opener.open(f"{self._url}/api/v2/monitor/health", timeout=5) as response:
                    health = json.load(response)
                healthy = all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))
                if healthy and self._ask("SELECT dag_id FROM serialized_dag"):
                    return
            except (OSError, KeyError, ValueError, sqlite3.Error):
                pass
            time.sleep(1)
        raise RuntimeError("Airflow did not become healthy")

    @cached_property
    def _headers(self) -> dict[str, str]:
        with self._opener.open(f"{self._url}/auth/token", timeout=30) as response:
            login = json.load(response)
        return {"Content-Type": "application/json", "Authorization": f"Bearer {login['access_token']}"}

    def _request(self, path: str, body: Any) -> Any:
        request = Request(f"{self._url}{path}", data=json.dumps(body).encode(), headers=self._headers)
        with self._opener.open(request, timeout=30) as response:
            return json.load(response)

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
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
        AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=logs[0],
        AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=logs[1],
        **settings,
    )
    with (
        (folder / "standalone.log").open("wb") as log,
        running([sys.executable, "-m", "airflow", "standalone"], environment=environ, log=log) as process,
    ):
        airflow = Scheduler(folder, environ, url=f"http://127.0.0.1:{port}")
        airflow.wait(process)
        yield airflow


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
