"""The demo's private Airflow: everything it writes lies under ``.demo``, and no Airflow of yours is touched."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".demo"
HOME = FOLDER / "airflow"
LOGS = FOLDER / "logs"
WAREHOUSE = FOLDER / "warehouse.db"
EXPLO = FOLDER / "explo.db"
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
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}?timeout=60",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(LOGS / "tasks"),
        "AIRFLOW_CONN_EXPLO_DEFAULT": explo,
        "AIRFLOW_CONN_WAREHOUSE": warehouse_connection(),
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"])),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def warehouse_connection() -> str:
    """The connection ``warehouse``, as JSON."""
    return json.dumps({"conn_type": "sqlite", "host": str(WAREHOUSE)})


def explo_connection(url: str, token: str) -> str:
    """The connection ``explo_default`` to a local emulator, as JSON. It has no rate limit to keep to."""
    return json.dumps({"conn_type": "explo", "host": url, "password": token, "extra": {"requests_per_minute": 12000}})


def migrate() -> None:
    """Make the metadata database, or bring it up to date; one that was interrupted halfway is made again."""
    done = HOME / f"migrated-{version('apache-airflow')}"
    if not done.exists():
        shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    if done.exists():
        return
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
    done.touch()
