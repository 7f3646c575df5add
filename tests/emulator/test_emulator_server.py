"""Starting and stopping, the file, the command line, the pytest plugin, the light import."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_explo.emulator import ApiToken, ExploEmulator, Fault

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMAND = [sys.executable, "-m", "airflow_provider_explo.emulator"]


def create(explo: ExploEmulator, user_group_id: str) -> Any:
    headers = {"Explo-Authorization": f"Token {explo.token}"}
    body = {"user_group_id": user_group_id, "name": "N"}
    return requests.post(f"{explo.url}/embed/create_user_group/", json=body, headers=headers, timeout=10).json()


def test_nothing_is_left_when_it_stops() -> None:
    threads = set(threading.enumerate())
    explo = ExploEmulator()
    with pytest.raises(RuntimeError, match="not running"):
        _ = explo.url
    with explo:
        port = int(explo.url.rsplit(":", 1)[1])
        with pytest.raises(RuntimeError, match="already running"):
            explo.start()
        create(explo, "a")

    assert set(threading.enumerate()) <= threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    assert [record.provided_id for record in explo.requests] == ["a"]
    explo.stop()
    with explo:
        assert explo.url.endswith(f":{port}")
        assert explo.groups == []


def test_it_stops_at_once_whatever_is_still_open() -> None:
    headers = {"Explo-Authorization": "Token explo-emulator-read-write-token", "Content-Type": "application/json"}
    with ExploEmulator() as explo, requests.Session() as session:
        explo.inject(Fault("oversized"))
        session.get(f"{explo.url}/v2/api/customers/", headers=headers, stream=True, timeout=10)
        explo.inject(Fault("slow", seconds=60))
        with pytest.raises(requests.ReadTimeout):
            session.get(f"{explo.url}/v2/api/customers/", headers=headers, timeout=0.05)
        before = time.monotonic()
    assert time.monotonic() - before < 5


def test_two_run_side_by_side() -> None:
    with ExploEmulator() as first, ExploEmulator() as second:
        assert create(first, "a")["user_group"]["token"] != create(second, "a")["user_group"]["token"]
        assert (first.request_count, second.request_count) == (1, 1)
        port = int(first.url.rsplit(":", 1)[1])
        with pytest.raises(OSError):
            ExploEmulator(port=port).start()


def test_a_file_outlives_the_emulator(tmp_path: Path) -> None:
    database = tmp_path / "explo.db"
    with ExploEmulator(database=database) as explo:
        first = create(explo, "a")
    with ExploEmulator(database=database) as explo:
        assert create(explo, "a") == {**first, "new_user_group": False}
        explo.reset()
    with ExploEmulator(database=database) as explo:
        assert explo.groups == []
    assert [path.name for path in tmp_path.iterdir()] == ["explo.db"]


def test_connection_json() -> None:
    with ExploEmulator() as explo:
        plain = {"conn_type": "explo", "host": explo.url, "password": explo.token}
        assert json.loads(explo.connection_json()) == plain
        assert json.loads(explo.connection_json(api="customer")) == {**plain, "extra": {"api": "customer"}}


def test_arguments_are_checked() -> None:
    for value in ("", "with space", "ünïcode", "line\n"):
        with pytest.raises(ValueError, match="API token must be"):
            ApiToken(value)
    assert "secret" not in repr(ApiToken("secret"))
    with pytest.raises(ValueError, match="environment_tag"):
        ApiToken("t", environment_tag="Other")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="duplicate API token"):
        ExploEmulator(token="t", tokens=[ApiToken("t", visibility_group="other")])
    with pytest.raises(ValueError, match="both Customer and Testing"):
        ExploEmulator(tokens=[ApiToken("t", environment_tag="Testing")])
    with pytest.raises(ValueError, match="requests_per_minute"):
        ExploEmulator(requests_per_minute=0)
    with pytest.raises(ValueError, match="port"):
        ExploEmulator(port=70_000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_line(tmp_path: Path, number: signal.Signals) -> None:
    options = ["--port", "0", "--token", "given-secret", "--read-only-token", "read-secret"]
    options += ["--database", str(tmp_path / "explo.db"), "--requests-per-minute", "3", "--log-level", "info"]
    with subprocess.Popen(
        COMMAND + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Explo emulator on http://127.0.0.1:")
        url = line.split()[-1]
        responses = [
            requests.get(
                f"{url}/v2/api/customers/",
                headers={"Explo-Authorization": f"Token {token}", "Content-Type": "application/json"},
                timeout=10,
            ).status_code
            for token in ("given-secret", "read-secret", "unknown", "given-secret")
        ]
        before = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)

    assert responses == [200, 200, 401, 429]
    assert time.monotonic() - before < 5
    assert process.returncode == 0
    assert "GET /v2/api/customers/ 429" in err
    assert "secret" not in out + err
    assert "Traceback" not in err


def test_the_command_line_generates_a_token_or_takes_it_from_the_environment() -> None:
    def run(**variables: str) -> subprocess.Popen[str]:
        environment = {**ENVIRONMENT, **variables}
        return subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment)

    with run() as without, run(EXPLO_EMULATOR_TOKEN="given-secret") as with_variable:
        for process, token in ((without, None), (with_variable, "given-secret")):
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            token = token or process.stdout.readline().split()[-1]
            headers = {"Explo-Authorization": f"Token {token}", "Content-Type": "application/json"}
            assert requests.get(f"{url}/api/group_tags/", headers=headers, timeout=10).status_code == 200
            process.terminate()
            assert process.communicate(timeout=10)[0] == ""


def test_the_command_line_names_a_mistake(tmp_path: Path) -> None:
    no_database = tmp_path / "text.txt"
    no_database.write_text("this is no database " * 40)
    started = [
        subprocess.Popen(COMMAND + options, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        for options in (["--port", "0", "--database", str(no_database)], ["--token", "two words"], ["--port", "70000"])
    ]
    for process in started:
        error = process.communicate(timeout=20)[1]
        assert process.returncode == 1
        assert error.startswith("python -m airflow_provider_explo.emulator: ")
        assert "Traceback" not in error


def test_importing_it_is_cheap_and_airflow_is_never_needed() -> None:
    code = """
import sys
import airflow_provider_explo.emulator
assert not {"cryptography", "fastapi", "jinja2", "starlette", "uvicorn", "sqlite3"} & sys.modules.keys()
from airflow_provider_explo.emulator import ExploEmulator, Fault, ApiToken
assert "airflow" not in sys.modules
ours = [name for name in sys.modules if name.startswith("airflow_provider_explo.")]
assert all(name.startswith("airflow_provider_explo.emulator") for name in ours), ours
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT, timeout=20)


def test_a_missing_package_is_named() -> None:
    code = """
import sys
sys.modules["uvicorn"] = None
from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.emulator import ExploEmulator
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=20)

    assert (
        "ImportError: the Explo emulator needs uvicorn: pip install 'airflow-provider-explo[emulator]'" in done.stderr
    )


def test_the_pytest_plugin(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["airflow_provider_explo.emulator.pytest_plugin"]\n')
    (tmp_path / "test_users_own.py").write_text(
        """
import json, os, requests

def test_a_fresh_emulator(explo_emulator):
    assert explo_emulator.groups == []
    assert "AIRFLOW_CONN_EXPLO_DEFAULT" not in os.environ

def test_the_connection(explo_connection, explo_emulator):
    assert explo_connection is explo_emulator
    connection = json.loads(os.environ["AIRFLOW_CONN_EXPLO_DEFAULT"])
    assert connection["extra"] == {"requests_per_minute": 60000}
    headers = {"Explo-Authorization": f"Token {connection['password']}"}
    body = {"user_group_id": "a", "name": "A"}
    requests.post(connection["host"] + "/embed/create_user_group/", json=body, headers=headers)
    assert [group.provided_id for group in explo_connection.groups] == ["a"]

def test_nothing_stays(explo_emulator):
    assert explo_emulator.groups == []
    assert "AIRFLOW_CONN_EXPLO_DEFAULT" not in os.environ
"""
    )
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "AIRFLOW_CONN_EXPLO_DEFAULT"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60)

    assert "3 passed" in done.stdout, done.stdout + done.stderr
