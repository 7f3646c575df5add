"""SqlToExploOperator in a process of its own, with the driver that a test names in the environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.transfers import child

DRIVER = "TEST_DRIVER"


def run(arguments: dict[str, Any], environment: dict[str, str], out: Path, log: Path) -> None:
    driver = environment.get(DRIVER)
    if driver == "psycopg2":
        # Airflow's hook takes psycopg 3 wherever it is installed.
        sys.modules["psycopg"] = None  # type: ignore[assignment]
    elif driver == "pymysql":
        # Airflow's hook knows it by no other way than this, PyMySQL's own.
        import pymysql

        pymysql.install_as_MySQLdb()
    child.run(arguments, environment, out, log)
