"""A private Airflow for this test run: a home of its own, a migrated metadata database, and runs that are real."""

from __future__ import annotations

import atexit
import fcntl
import gc
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Before anything imports Airflow, which reads its settings once.
HOME = Path(tempfile.mkdtemp(prefix="explo-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "_AIRFLOW"))]:
    del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    # Empty: `dag.test()` of Airflow 3.3 parses and saves all of it each time.
    "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    # Tests have DAGs of the same name, one after another.
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "NO_PROXY": "127.0.0.1,localhost",
}

(HOME / "dags").mkdir()
# Airflow's own objects are many and stay: searching them for garbage as often as by default takes a sixth of the time.
gc.set_threshold(50_000)

TESTS = Path(__file__).parent
AIRFLOW = tuple(map(int, version("apache-airflow").split(".")[:2]))
AIRFLOW_3 = AIRFLOW >= (3, 0)
DATE = datetime(2026, 3, 3, tzinfo=timezone.utc)
pytest_plugins = ["airflow_provider_explo.emulator.pytest_plugin", "tests.postgres"]

# Tests of code that knows nothing of Airflow. `make test-fast` runs them alone, and there Airflow cannot be imported.
PURE = ("client", "emulator", "sync", "tenants", "test_exceptions.py", "test_json_values.py", "test_words.py")
IMPURE_FIXTURES = {"airflow_home", "postgres", "warehouse"}


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == "pure":
        sys.modules["airflow"] = None  # type: ignore[assignment]
    if config.option.markexpr in ("pure", "not slow"):
        # `make test-slow` has hypothesis' own number of examples.
        hypothesis.settings.register_profile("fast", max_examples=20)
        hypothesis.settings.load_profile("fast")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only pure tests are asked for, no other file is imported."""
    return True if config.option.markexpr == "pure" and _room(collection_path) not in (None, *PURE) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # An older pytest-cov would measure the processes that tests start, which changes which modules they load.
    for variable in [variable for variable in os.environ if variable.startswith("COV_CORE_")]:
        del os.environ[variable]
    for item in items:
        starts_processes = hasattr(getattr(item, "module", None), "subprocess")
        slow = starts_processes or item.get_closest_marker("slow")
        if _room(item.path) in PURE and not slow and IMPURE_FIXTURES.isdisjoint(item.fixturenames):
            item.add_marker("pure")


def _room(path: Path) -> str | None:
    """The folder or file right below this one that a path leads to."""
    return path.relative_to(TESTS).parts[0] if TESTS in path.parents else None


@dataclass(frozen=True)
class Run:
    """A finished DAG run.

    :param states: state by task id, or by (task id, map index) for mapped tasks.
    :param log: everything that was printed and logged meanwhile.
    """

    state: str
    states: dict[Any, str]
    log: str
    task_instances: dict[Any, Any]

    def xcom(self, task: Any, key: str = "return_value") -> Any:
        """What a task pushed."""
        instance = self.task_instances[task]
        return instance.xcom_pull(task_ids=instance.task_id, key=key, map_indexes=instance.map_index)


RunDag = Callable[..., Run]


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The home, with a migrated metadata database; xdist's first worker that wants one makes it for all."""
    own = tmp_path_factory.getbasetemp()
    migrated = (own if worker_id == "master" else own.parent) / "migrated.db"
    with migrated.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not migrated.exists():
            command = [sys.executable, "-m", "airflow", "db", "migrate"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=HOME, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            shutil.copy(HOME / "airflow.db", migrated)
    if not (HOME / "airflow.db").exists():
        shutil.copy(migrated, HOME / "airflow.db")
    return HOME


@pytest.fixture
def run_dag(
    airflow_home: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[RunDag]:
    """Run a DAG for real, in this process, with ``dag.test()``."""
    if not AIRFLOW_3 and find_spec("airflow.providers.fab"):
        # Airflow 2 deletes an earlier run of the same date through models that only this module completes.
        import airflow.providers.fab.auth_manager.models  # noqa: F401
    if AIRFLOW_3:
        _keep_the_execution_api()

    def run(dag: Any, logical_date: datetime | None = DATE, conf: dict[str, Any] | None = None) -> Run:
        if AIRFLOW_3:
            _serialize(dag)
        capfd.readouterr()
        caplog.clear()
        date_argument = {"logical_date" if AIRFLOW_3 else "execution_date": logical_date}
        dag_run = dag.test(**date_argument, run_conf=conf)
        instances = {
            ti.task_id if ti.map_index < 0 else (ti.task_id, ti.map_index): ti for ti in dag_run.get_task_instances()
        }
        printed = capfd.readouterr()
        lines = (printed.out + printed.err + caplog.text).splitlines(keepends=True)
        return Run(
            state=_text(dag_run.state),
            states={key: _text(ti.state) for key, ti in instances.items()},
            # pytest catches what goes to a logger; what a task prints, Airflow writes out.
            log=unboxed("".join(line for line in lines if not is_airflows_own(line))),
            task_instances=instances,
        )

    return run


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An SQLite warehouse with an empty table ``tenants``, behind the connection ``warehouse``."""
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE tenants (tenant_id TEXT, name TEXT, signed_up_at TEXT, mapping TEXT, properties TEXT)"
        )
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


def _keep_the_execution_api() -> None:
    """Do for Airflow 3.0 to 3.2 what 3.3 does itself; else ``dag.test()`` makes it anew, for seconds, for each task."""
    from airflow.sdk.execution_time import supervisor

    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = lru_cache(maxsize=1)(supervisor.in_process_api_server)


def _serialize(dag: Any) -> None:
    """Airflow 3 runs no DAG that is not in its database; those of the tests are in no file of the DAGs folder."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models import DagBag

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.devnull)
    bag.dags[dag.dag_id] = dag
    if AIRFLOW == (3, 0):
        # It asks for no DAG there, but for assets.
        if any(task.outlets for task in dag.tasks):
            dag.relative_fileloc = "dag.py"
            bag.sync_to_db("dags-folder", None)
        return
    try:
        from airflow.dag_processing.dagbag import sync_bag_to_db
    except ImportError:
        from airflow.models.dagbag import sync_bag_to_db
    sync_bag_to_db(bag, "dags-folder", None)


def unboxed(text: str) -> str:
    """What Airflow 3.0 printed, undecorated, and once more in one line, as it wraps tracebacks."""
    if AIRFLOW != (3, 0):
        return text
    text = undecorated(text)
    return f"{text}\n{' '.join(text.split())}\n"


def undecorated(text: str) -> str:
    """A text without the colours and boxes that Airflow puts around tracebacks."""
    return re.sub("[│╭╮╰╯─]", " ", re.sub(r"\x1b\[[\d;]*m", "", text))


def is_airflows_own(line: str) -> bool:
    """What Airflow 3 itself prints, at DEBUG and in 3.0 always: that a task asks it to mask or to keep a value."""
    told = "Sending request" in line or "Received message from task runner" in line
    return told and any(f"msg={kind}(" in line for kind in ("MaskSecret", "SetXCom", "SetRenderedFields"))


def metadata_rows_with(text: str) -> set[tuple[str, str]]:
    """Where in the metadata database a text stands: pairs of table and column."""
    found = set()
    with closing(sqlite3.connect(HOME / "airflow.db")) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                found |= {
                    (table, column)
                    for column, value in zip(columns, row, strict=True)
                    if text in (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
                }
    return found


def _text(state: Any) -> str:
    return str(getattr(state, "value", state))
