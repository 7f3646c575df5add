"""The demo's private Airflow: everything it writes lies under ``.demo``
(or ``EXPLO_DEMO_FOLDER``), and no Airflow of yours is touched."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("EXPLO_DEMO_FOLDER") or PROJECT / ".demo")
HOME = FOLDER / "airflow"
LOGS = FOLDER / "logs"
WAREHOUSE = FOLDER / "warehouse.db"
DATABASE = HOME / "airflow.db"
EXPLO = FOLDER / "explo.db"
# Where the local Explo listens, and its API token: links of tasks lead there, so it comes back at the same address.
EXPLO_ADDRESS = FOLDER / "explo.json"
# What there is to see of a demo that has ended.
FINISHED = FOLDER / "finished.json"
EXPLO_CONNECTION = "AIRFLOW_CONN_EXPLO_DEFAULT"


def environment(*, explo: str, **settings: str) -> dict[str, str]:
    """The environment of the demo's Airflow; settings of another Airflow in yours do not reach it.

    :param explo: the connection ``explo_default``, as JSON or URI.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    return {
        **kept,
        # `airflow standalone` starts its parts by the name `airflow`.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "AIRFLOW_HOME": str(HOME),
        # With the UI, several processes share this SQLite file.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DATABASE}?timeout=60",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(LOGS / "tasks"),
        "AIRFLOW_CONN_EXPLO_DEFAULT": explo,
        "AIRFLOW_CONN_WAREHOUSE": warehouse_connection(),
        "AIRFLOW__EXPLO__PAGE": "True",
        "AIRFLOW__EXPLO__PAGE_CONN_ID": "warehouse",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"])),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def real_explo() -> str | None:
    """The connection to an Explo other than the demo's own, if there is one in the environment."""
    return os.environ.get(EXPLO_CONNECTION) or None


def warehouse_connection() -> str:
    """The connection ``warehouse``, as JSON."""
    return json.dumps({"conn_type": "sqlite", "host": str(WAREHOUSE)})


def explo_connection(url: str, token: str) -> str:
    """The connection ``explo_default`` to a local emulator, as JSON. It has no rate limit to keep to."""
    return json.dumps({"conn_type": "explo", "host": url, "password": token, "extra": {"requests_per_minute": 12000}})


def start_over() -> None:
    """A metadata database without runs, no logs of tasks, and no local Explo: nothing of earlier demos."""
    empty = _migrated()
    _remove(FINISHED, DATABASE, EXPLO, EXPLO_ADDRESS)
    shutil.rmtree(LOGS / "tasks", ignore_errors=True)
    shutil.copy(empty, DATABASE)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def _migrated() -> Path:
    """A metadata database of this Airflow without runs; made the first time."""
    empty = HOME / f"migrated-{version('apache-airflow')}.db"
    if empty.exists():
        return empty
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "migrate.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=environment(explo=explo_connection("http://127.0.0.1:1", secrets.token_hex(8))),
            cwd=FOLDER,
            stdout=log,
            stderr=log,
            check=True,
            start_new_session=True,
        )
    # Under its name only when it is whole.
    part = empty.with_suffix(".part")
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("VACUUM INTO ?", (str(part),))
    part.rename(empty)
    return empty


def _remove(*paths: Path) -> None:
    for path in paths:
        # SQLite's journals lie beside the file.
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
