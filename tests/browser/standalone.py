"""``airflow standalone`` in a folder of its own, with the example DAGs, and the provider as it was installed."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.processes import Program, free_port, wait_until

ROOT = Path(__file__).parents[2]
SLOTS = 10


class Standalone:
    """Runs from ``start`` to ``stop``.

    :param folder: everything that Airflow writes lies below it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.db"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = self._settings(port)
        command = (sys.executable, "-m", "airflow", "standalone")
        self._program = Program(*command, log=folder / "standalone.log", environment=self._environment, cwd=folder)

    def start(self) -> None:
        self.warehouse.touch()
        self.airflow("db", "migrate")
        self.airflow("pools", "set", "explo", str(SLOTS), "Explo's request budget")
        self._program.start()
        wait_until(self._healthy, what="a healthy Airflow", patience=240)

    def stop(self) -> None:
        self._program.stop()

    def python(self, *arguments: str) -> str:
        """The output of a Python of this Airflow."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def airflow(self, *arguments: str) -> str:
        """The output of one of Airflow's commands."""
        return self.python("-m", "airflow", *arguments)

    def get(self, path: str) -> Any:
        """The REST API's response."""
        with urllib.request.urlopen(f"{self.url}/auth/token", timeout=30) as response:
            headers = {"Authorization": f"Bearer {json.load(response)['access_token']}"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=30) as response:
            return json.load(response)

    def _healthy(self) -> bool:
        health = self.get("/api/v2/monitor/health")
        dags = {dag["dag_id"] for dag in self.get("/api/v2/dags?exclude_stale=false")["dags"]}
        return health["scheduler"]["status"] == "healthy" and "explo_onboard_tenant" in dags

    def _settings(self, port: int) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        # What is installed is what is tried, not what lies in this checkout.
        kept.pop("PYTHONPATH", None)
        return kept | {
            # `airflow standalone` starts its parts by the name `airflow`.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "AIRFLOW_HOME": str(self.folder / "home"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(24),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__EXPLO__PAGE": "True",
            "AIRFLOW__EXPLO__PAGE_CONN_ID": "warehouse",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder / 'airflow.db'}?timeout=60",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(self.warehouse)}),
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
        }
