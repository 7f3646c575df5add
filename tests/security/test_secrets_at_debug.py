"""Every error path of both operators in a real run at log level DEBUG, and then a search for every token there is."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from airflow_provider_explo.emulator import ApiToken, ExploEmulator, Fault
from tests.conftest import is_airflows_own, undecorated

pytestmark = pytest.mark.slow

API_TOKEN = "api-token-of-explo-7f2c9e"
READ_ONLY = "read-only-token-of-explo-41d8"
WRONG = "wrong-token-of-explo-90aa"
FAULTS = {
    "rate_limit": Fault("rate_limit", times=None),
    "long_pause": Fault("rate_limit", retry_after=3600, times=None),
    "status_400": Fault("status", status=400, times=None),
    "status_401": Fault("status", status=401, times=None),
    "status_503": Fault("status", status=503, times=None),
    "slow": Fault("slow", seconds=1, times=None),
    "close_before": Fault("close_before", times=None),
    "close_after": Fault("close_after", times=None),
    "html": Fault("html", times=None),
    "truncated": Fault("truncated", times=None),
    "cut_off": Fault("cut_off", times=None),
    "redirect": Fault("redirect", location=f"https://user:{API_TOKEN}@other.example/?token={API_TOKEN}", times=None),
    "wrong_tenant": Fault("wrong_tenant", times=None),
    "no_token": Fault("no_token", times=None),
    "refused": Fault("refused", times=None),
    "not_json_constant": Fault("not_json_constant", times=None),
    "other_shape": Fault("other_shape", times=None),
    "retried": Fault("status", status=503, times=1),
    "none": None,
}


@dataclass(frozen=True)
class Everything:
    """What one run left behind.

    :param output: what was printed and logged at DEBUG.
    :param tokens: every token that a tenant has in Explo.
    """

    output: str
    home: Path
    warehouse: Path
    tokens: frozenset[str]


@pytest.fixture(scope="module")
def everything(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """Run the DAG, once for all tests here."""
    folder = tmp_path_factory.mktemp("debug")
    warehouse = folder / "warehouse.db"
    make_warehouse(warehouse)
    tokens = [ApiToken(API_TOKEN), ApiToken(READ_ONLY, read_only=True)]
    with ExploEmulator(tokens=tokens) as explo, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name, fault in FAULTS.items():
            for kind in ("create", "keep", "bulk"):
                if fault:
                    explo.inject(Fault(**{**vars(fault), "user_group_id": f"{kind}-{name}"}))
        connections = {
            "EXPLO_DEFAULT": (explo.url, API_TOKEN),
            "PATIENT": (explo.url, API_TOKEN, 60),
            "WRONG_TOKEN": (explo.url, WRONG),
            "READ_ONLY": (explo.url, READ_ONLY),
            "AWAY": (f"http://127.0.0.1:{nobody.getsockname()[1]}", API_TOKEN),
            "NOT_EXPLO": (f"{explo.url}/_emulator/groups?{API_TOKEN}", API_TOKEN),
        }
        environment = os.environ | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parent / "dags"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(warehouse)}),
            "TEST_FAULTS": " ".join(FAULTS),
            **{f"AIRFLOW_CONN_{name}": connection(*where) for name, where in connections.items()},
        }
        command = [sys.executable, "-m", "airflow", "dags", "test", "every_error_path", "2026-03-03"]
        done = subprocess.run(
            command, env=environment, cwd=airflow_home, capture_output=True, text=True, timeout=540, check=False
        )
        groups = frozenset(group.token for group in explo.groups)
    return Everything(done.stdout + done.stderr, airflow_home, warehouse, groups)


def make_warehouse(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE tenants (tenant_id TEXT, name TEXT, mapping TEXT, properties TEXT)")
        # A good tenant after each: five alike failures in a row would end the run, and a long pause does at once.
        ids = [f"bulk-{name}" for fault in FAULTS if fault != "long_pause" for name in (fault, f"after-{fault}")]
        rows = [(tenant, "Acme", '{"40": "213"}', '{"plan": "gold"}') for tenant in [*ids, "bulk-long_pause"]]
        database.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?)", [*rows, ("bad", "", "[]", "1")])
        database.execute(
            "CREATE TABLE refusing (user_group_id TEXT PRIMARY KEY, name TEXT NOT NULL, token TEXT NOT NULL "
            "CHECK (length(token) < 9), content_hash TEXT, explo_conn_id TEXT, created_at TEXT, updated_at TEXT)"
        )


def connection(host: str, token: str, retry_timeout: float = 0.4) -> str:
    extra = {"timeout": 0.4, "retry_timeout": retry_timeout, "requests_per_minute": 60_000}
    return json.dumps({"conn_type": "explo", "host": host, "password": token, "extra": extra})


def secrets(everything: Everything) -> set[str]:
    assert len(everything.tokens) > len(FAULTS)
    return {API_TOKEN, READ_ONLY, WRONG, *everything.tokens}


def test_the_run_met_every_error(everything):
    ends = states(everything.home)
    assert ends["create_none"] == ends["keep_none"] == ends["create_retried"] == "success"
    failing = set(FAULTS) - {"none", "retried"}
    assert {name for name in failing if ends[f"create_{name}"] != "failed"} == set()
    assert {name for name in failing if ends[f"keep_{name}"] != "failed"} == set()
    others = [
        name for name in ends if name.startswith("bulk") or name in ("create_bad_tenant", "keep_in_refusing_table")
    ]
    assert len(others) == 8
    assert {ends[name] for name in others} == {"failed"}


def test_it_was_a_run_at_debug(everything):
    # What urllib3 says at DEBUG, on the console of Airflow 3 and in a file of Airflow 2.
    texts = [everything.output, *log_files(everything.home).values()]
    assert any('"POST /embed/create_user_group/ HTTP/1.1" 503' in text for text in texts)


def test_no_token_in_what_was_printed(everything):
    lines = [line for line in everything.output.splitlines() if not is_airflows_own(line)]
    assert not {line for line in lines for secret in secrets(everything) if secret in line}
    # Nor broken by the boxes and colours that Airflow puts around tracebacks.
    text = "".join(undecorated("\n".join(lines)).split())
    assert not {secret for secret in secrets(everything) if secret in text}


def test_no_token_in_any_log_file(everything):
    for path, text in log_files(everything.home).items():
        assert not {secret for secret in secrets(everything) if secret in text}, path


def test_in_the_metadata_database_a_token_is_only_in_the_xcom_of_a_single_operator(everything):
    found = set()
    with closing(sqlite3.connect(everything.home / "airflow.db")) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = database.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                if any(secret in str(row) for secret in secrets(everything)):
                    values = dict(zip(columns, row, strict=True))
                    found.add((table, values.get("task_id"), values.get("key")))
    assert found == {("xcom", f"create_{name}", "return_value") for name in ("none", "retried")}


def test_each_token_is_under_its_own_tenant(everything):
    with closing(sqlite3.connect(everything.warehouse)) as database:
        saved = dict(database.execute("SELECT user_group_id, token FROM explo_user_groups"))
        rejects = str(database.execute("SELECT * FROM rejects").fetchall())
    assert {"keep-none", "keep-retried", "bulk-none"} <= saved.keys()
    assert set(saved.values()) <= everything.tokens
    assert not {secret for secret in secrets(everything) if secret in rejects}


def log_files(home: Path) -> dict[Path, str]:
    return {path: path.read_text(errors="replace") for path in (home / "logs").rglob("*") if path.is_file()}


def states(home: Path) -> dict[str, str]:
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        return dict(database.execute("SELECT task_id, state FROM task_instance WHERE dag_id = 'every_error_path'"))
