"""Runs of SqlToExploOperator against real servers."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_explo.emulator import ExploEmulator
from tests.conftest import HOME
from tests.databases import child
from tests.databases.servers import Certificates, MariaDB, missing
from tests.distributed.services import Postgres
from tests.transfers.child import Child

HERE = Path(__file__).parent
# Airflow finds the provider of test_contract.py there: Airflow 3 in the process from which all others are forked, which
# takes its path from the environment, and Airflow 2 in each of these, which take theirs from this one.
sys.path.append(str(HERE / "provider"))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), str(HERE / "provider")])
# Terminated as by Ctrl-C, pytest still stops the servers.
signal.signal(signal.SIGTERM, signal.default_int_handler)
Start = Callable[..., Child]


@pytest.fixture
def explo() -> Iterator[ExploEmulator]:
    with ExploEmulator() as emulator:
        yield emulator


@pytest.fixture
def start(explo: ExploEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start the operator in a process of its own; ``environment`` has the connections, and the driver."""
    children = []

    def run(environment: Mapping[str, str], **arguments: Any) -> Child:
        connection = explo.connection_json(requests_per_minute=60_000, timeout=5, retry_timeout=20)
        environment = {**os.environ, "AIRFLOW_HOME": str(HOME), "AIRFLOW_CONN_EXPLO_DEFAULT": connection, **environment}
        started = Child(
            {"sql_conn_id": "warehouse", **arguments},
            environment=environment,
            folder=tmp_path_factory.mktemp("child"),
            target=child.run,
        )
        children.append(started)
        return started

    yield run
    for started in children:
        started.kill()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Readable for servers that do not run as root, and short, since a socket's path lies below it."""
    with tempfile.TemporaryDirectory(prefix="explo-db-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def certificates(folder: Path) -> Certificates:
    return Certificates(folder)


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Postgres]:
    """PostgreSQL, on loopback and without TLS: its wheel is built so."""
    postgres = Postgres(folder / "postgres")
    yield postgres
    postgres.stop()


@pytest.fixture(scope="session")
def mariadb(folder: Path) -> Iterator[MariaDB]:
    """It keeps no connection that is idle for 2 seconds, and shortens text that does not fit instead of refusing it."""
    try:
        import MySQLdb  # noqa: F401
    except ImportError:
        missing("mysqlclient could not be built")
    below = folder / "mariadb"
    below.mkdir()
    maria = MariaDB(below, "wait_timeout=2", "sql_mode=", "innodb_flush_log_at_trx_commit=0")
    yield maria
    maria.stop()
