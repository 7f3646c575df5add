"""Tasks on Airflow's own supervisor, in processes of their own, and databases that hang."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import sqlalchemy as sa

from tests.conftest import HOME
from tests.processes import wait_until
from tests.supervised.execution_api import ExecutionApi
from tests.supervised.proxy import Proxy
from tests.supervised.supervisor import DAG_FILE

TENANTS = 200
SQL = "SELECT tenant_id AS user_group_id, name FROM tenants"
PUT = "INSERT INTO tenants (tenant_id, name) VALUES "
ROWS = ", ".join(f"('t{number}', 'Tenant {number}')" for number in range(TENANTS))
BULK = {"sql": SQL, "sql_conn_id": "warehouse", "refresh": False}


class SupervisedTask:
    """One task on Airflow's supervisor.

    :param file_limit: bytes that a file may have, or None.
    """

    def __init__(
        self,
        operator: type,
        arguments: dict[str, Any],
        *,
        log: Path,
        file_limit: int | None,
        api: ExecutionApi,
    ) -> None:
        self._log = log
        given: dict[str, Any] = {"operator": f"{operator.__module__}.{operator.__name__}", "arguments": arguments}
        if file_limit is not None:
            given["file_limit"] = file_limit
        own = {
            "AIRFLOW_HOME": str(HOME),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAG_FILE.parent),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(log.with_suffix("")),
            "EXPLO_TEST_API": api.url,
            "EXPLO_TEST_TASK": json.dumps(given),
            # Up to which the supervisor may notice the end of the task's process too late; 5 seconds by default.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }
        command = [sys.executable, "-m", "tests.supervised.supervisor"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **own},
                cwd=Path(__file__).parents[2],
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it printed and logged; Airflow 2 logs to files."""
        files = [self._log, *self._log.with_suffix("").rglob("*.log")]
        return "".join(file.read_text() for file in files)

    def wait_for(self, met: Callable[[], object], *, what: str) -> None:
        wait_until(lambda: met() or self._process.poll() is not None, what=what, patience=60, pause=0.02)
        assert self._process.poll() is None, self.log

    def terminate(self) -> None:
        """As Kubernetes and systemd do, and Airflow's workers: SIGTERM to the supervisor, which passes it on."""
        self._process.send_signal(signal.SIGTERM)

    def assert_ends(self, *, within: float = 8) -> None:
        """The supervisor ends, which waits for the task's process.

        :param within: seconds; the work has 3.2 of them; the rest is Airflow's and a busy machine's.
        """
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        assert self._process.poll() is not None, f"still there after {within} s\n{self.log}"

    def assert_unsaved_are_logged(self, explo: Any, saved: Collection[str]) -> None:
        """Each tenant whose group was made, and whose token was not saved, is in the log with its outcome."""
        unsaved = {group.provided_id: group for group in explo.groups if group.provided_id not in saved}
        assert unsaved
        for name, group in unsaved.items():
            assert f"tenant '{name}': created" in self.log or f"tenant '{name}': no response" in self.log
            assert group.token not in self.log

    def kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            for process in [*parent.children(recursive=True), parent]:
                process.kill()
        self._process.wait(10)


StartTask = Callable[..., SupervisedTask]


@pytest.fixture
def start_task(airflow_home: Path, explo_connection: Any, tmp_path: Path) -> Iterator[StartTask]:
    """Start an operator, with its arguments."""
    started: list[SupervisedTask] = []
    with ExecutionApi().serve() as api:

        def start(
            operator: type,
            *,
            file_limit: int | None = None,
            **arguments: Any,
        ) -> SupervisedTask:
            log = tmp_path / f"task-{len(started)}.log"
            started.append(SupervisedTask(operator, arguments, log=log, file_limit=file_limit, api=api))
            return started[-1]

        yield start
        for task in started:
            task.kill()


@pytest.fixture
def paced(explo_connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow enough that a run can be ended in its middle."""
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=1200))


class PostgresBehindProxy:
    """A PostgreSQL database behind the connection ``warehouse``, through a proxy."""

    def __init__(self, engine: sa.Engine, proxy: Proxy) -> None:
        self.engine, self.proxy = engine, proxy

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield


@pytest.fixture
def postgres_warehouse(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresBehindProxy]:
    url = postgres.database(f"ends_{uuid4().hex}")

    def connect() -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.connect(next(map(str, Path(url.query["host"]).glob(".s.PGSQL.*[0-9]"))))
        return server

    proxy = Proxy(connect)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection_to(proxy.port, login=url.username, schema=url.database))
    engine = sa.create_engine(url)
    yield PostgresBehindProxy(engine, proxy)
    engine.dispose()
    proxy.close()


def connection_to(port: int, **fields: str) -> str:
    return json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": port, **fields})
