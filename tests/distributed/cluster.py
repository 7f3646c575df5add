"""A whole Airflow on loopback: API server, scheduler, dag-processor and Celery workers, each a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.distributed.services import ROOT, Explo, Postgres, Redis
from tests.processes import Program, free_port, wait_until

SLOTS = 10
# Airflow finds the cluster's policy by its module's name.
PYTHONPATH = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "distributed" / "policy")))
DAGS = ("explo_sync_tenants", "explo_onboard_new_tenants", "explo_onboard_tenant")


class Cluster:
    """``start`` runs everything, ``stop`` ends it.

    :param folder: short, since a socket's path lies below it; what was logged stays there.
    :param limit: Explo's, in any ``window`` seconds. The connection has it, as requests per minute.
    """

    def __init__(self, folder: Path, *, limit: int, window: float, workers: int = 2) -> None:
        self._running: list[Any] = []
        self._limit, self._window, self._workers = limit, window, workers
        self.folder = folder
        self.logs = folder / "logs"
        self.api_token = secrets.token_urlsafe(24)

    def start(self) -> None:
        self.logs.mkdir()
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        plain |= {"PYTHONPATH": PYTHONPATH, "NO_PROXY": "127.0.0.1,localhost", "EXPLO_EMULATOR_TOKEN": self.api_token}
        self.metadata, self.warehouse = (self._keep(Postgres(self.folder / name)) for name in ("metadata", "warehouse"))
        self.metadata.create("airflow")
        self.warehouse.create("product")
        redis = self._keep(Redis(self.logs, plain))
        self.explo = self._keep(Explo(self.folder, plain, limit=self._limit, window=self._window))
        self._api = f"http://127.0.0.1:{free_port()}"
        self._environment = plain | self._settings(redis.url, requests_per_minute=self._limit * 60 / self._window)
        self.airflow("db", "migrate")
        self.airflow("pools", "set", "explo", str(SLOTS), "Explo's request budget")
        port = self._api.rpartition(":")[2]
        self._api_server = self._program("api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1")
        wait_until(lambda: self.get("/api/v2/monitor/health"), what="the API server", patience=180)
        self.scheduler = self._program("scheduler")
        self._program("dag-processor")
        self.workers = [self._worker(f"worker-{number + 1}") for number in range(self._workers)]
        for dag in DAGS:
            wait_until(lambda dag=dag: self.get(f"/api/v2/dags/{dag}"), what=f"the DAG {dag}", patience=180)
        for number in range(self._workers):
            log = self.logs / f"worker-{number + 1}.log"
            wait_until(lambda log=log: "ready" in log.read_text(), what=f"worker {number + 1}", patience=180)

    def stop(self) -> None:
        for part in reversed(self._running):
            part.stop()

    def airflow(self, *arguments: str) -> str:
        """The output of one of Airflow's commands."""
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(
            command, env=self._environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def get(self, path: str) -> Any:
        return self._ask(path)

    def unpause(self, dag: str) -> str:
        """Let a DAG run, and return the id of the run that the scheduler makes at once for the newest date."""
        self.airflow("dags", "unpause", dag)
        wait_until(lambda: self.runs(dag), what=f"the first run of {dag}", patience=180)
        (run,) = self.runs(dag)
        return run

    def trigger(self, dag: str, **conf: Any) -> str:
        """Make a run, and return its id."""
        run = self._ask(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def runs(self, dag: str) -> dict[str, str]:
        """The state of each run of a DAG, by the run's id."""
        runs = self.get(f"/api/v2/dags/{dag}/dagRuns?limit=100")["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in runs}

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The run's task instances, as the API gives them."""
        return list(self.get(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100")["task_instances"])

    def diagnosis(self, dag: str, run: str) -> str:
        """A run that failed: its tasks' states, and the ends of their logs."""
        lines = [f"{t['task_id']}[{t['map_index']}] try {t['try_number']}: {t['state']}" for t in self.tasks(dag, run)]
        for log in sorted((self.logs / "tasks" / f"dag_id={dag}" / f"run_id={run}").rglob("*.log")):
            lines += [str(log), *(line[:600] for line in log.read_text().splitlines()[-6:])]
        scheduler = (self.logs / "scheduler.log").read_text().splitlines()
        lines += [line[:600] for line in scheduler if "error" in line or "warning" in line][-30:]
        return "\n".join(lines)

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        with urllib.request.urlopen(f"{self._api}/auth/token", timeout=30) as response:
            headers = {"Authorization": f"Bearer {json.load(response)['access_token']}"}
        headers |= {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(self._api + path, data=data, headers=headers), timeout=30
        ) as response:
            return json.load(response)

    def _worker(self, name: str) -> Program:
        return self._program("celery", "worker", "--skip-serve-logs", "--celery-hostname", f"{name}@%h", name=name)

    def _program(self, *arguments: str, name: str | None = None) -> Program:
        log = self.logs / f"{name or arguments[0]}.log"
        command = (sys.executable, "-m", "airflow", *arguments)
        program = self._keep(Program(*command, log=log, environment=self._environment, cwd=self.folder))
        program.start()
        return program

    def _keep(self, part: Any) -> Any:
        self._running.append(part)
        return part

    def _settings(self, broker: str, *, requests_per_minute: float) -> dict[str, str]:
        explo = {"conn_type": "explo", "host": self.explo.url, "password": self.api_token}
        return {
            # The workers' children start programs by name.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "AIRFLOW_HOME": str(self.folder / "home"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs / "tasks"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.metadata.url("airflow"),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(os.urandom(32)).decode(),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._api}/execution/",
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(24),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self.metadata.url('airflow')}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "3",
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            # A task whose worker was killed is noticed soon.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW_CONN_EXPLO_DEFAULT": json.dumps(
                explo | {"extra": {"requests_per_minute": round(requests_per_minute)}}
            ),
            "AIRFLOW_CONN_WAREHOUSE": self.warehouse.connection("product"),
            "PYTHONUNBUFFERED": "1",
        }
