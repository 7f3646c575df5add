"""``make demo``, and then ``make ui``, in a folder of their own."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.processes import Program, wait_until

ROOT = Path(__file__).parents[2]


class DemoUi:
    """What a user of the two commands has. From ``start`` to ``stop`` there is the UI.

    :param folder: everything that they write lies below it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "ui.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        self._environment = kept | {"EXPLO_DEMO_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}
        command = (sys.executable, "-m", "demo.ui")
        self._program = Program(*command, log=self._log, environment=self._environment, cwd=ROOT)

    def demo(self) -> str:
        """The demo's output."""
        done = subprocess.run(
            [sys.executable, "-m", "demo"],
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        self._program.start()
        wait_until(lambda: "Ctrl-C" in self.output, what="the UI", patience=240)

    def stop(self) -> None:
        self._program.stop()

    @property
    def output(self) -> str:
        """What the UI's command has printed."""
        return self._log.read_text()

    @property
    def airflow_log(self) -> str:
        """What Airflow has logged."""
        return (self.folder / "logs" / "standalone.log").read_text()

    @property
    def url(self) -> str:
        return self._printed(r"Airflow  (\S+)")

    @property
    def password(self) -> str:
        return self._printed(r"password (\S+)")

    @property
    def pages(self) -> dict[str, str]:
        """The pages that it points to, by what they show."""
        return json.loads((self.folder / "finished.json").read_text())["pages"]

    def api(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """The response of Airflow's REST API."""
        return json.loads(self.text(path, body, method=method))

    def text(self, path: str, body: Any = None, *, method: str | None = None) -> str:
        """The response to somebody who is logged in."""
        login = json.loads(self._send("/auth/token", {"username": "admin", "password": self.password}))
        return self._send(path, body, method=method, token=login["access_token"])

    def waiting(self) -> list[Any]:
        """What waits for a human."""
        details = self.api("/api/v2/dags/~/dagRuns/~/hitlDetails")["hitl_details"]
        return [detail for detail in details if not detail["response_received"]]

    def tokens(self) -> dict[str, str]:
        """The token table."""
        with closing(sqlite3.connect(self.folder / "warehouse.db")) as warehouse:
            return dict(warehouse.execute("SELECT user_group_id, token FROM explo_user_groups"))

    def explo(self) -> dict[str, dict[str, Any]]:
        """Explo's customers by id, from its list."""
        address = json.loads((self.folder / "explo.json").read_text())
        found: dict[str, dict[str, Any]] = {}
        for page in range(1, 10):
            request = urllib.request.Request(
                f"http://127.0.0.1:{address['port']}/v2/api/customers/?page={page}&page_size=1000",
                headers={"Explo-Authorization": f"Token {address['token']}", "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=30) as response:
                customers = json.load(response)["results"]["customers"]
            if not customers:
                break
            found |= {customer["provided_id"]: customer for customer in customers}
        return found

    def _send(self, path: str, body: Any, *, method: str | None = None, token: str = "") -> str:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read().decode()

    def _printed(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found, self.output
        return found[1]
