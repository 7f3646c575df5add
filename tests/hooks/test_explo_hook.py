"""ExploHook against the emulator, with connections as users write them."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import ExploConfigError, ExploError
from airflow_provider_explo.hooks.explo import ExploHook
from tests.errors import everything_shown, failure

pytestmark = pytest.mark.usefixtures("airflow_home")


def connect(monkeypatch, emulator, **changes):
    connection = {**json.loads(emulator.connection_json(requests_per_minute=60000, retry_timeout=2)), **changes}
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", json.dumps(connection))


def test_a_group_is_created_with_the_connections_token(explo_connection):
    group = ExploHook().create_user_group(
        user_group_id="acme", name="Acme", mapping={"40": "213"}, properties={"plan": "gold"}
    )
    (stored,) = explo_connection.groups
    assert group.token == stored.token
    assert (group.provided_id, group.new_user_group) == ("acme", True)
    assert group.token not in repr(group)


def test_the_client_is_made_once_and_is_a_context_manager(explo_connection):
    hook = ExploHook(explo_conn_id="explo_default")
    with hook.get_conn() as client:
        assert client is hook.get_conn()
    assert hook.create_user_group(user_group_id="a", name="A").new_user_group is True


def test_every_request_names_package_airflow_and_python(explo_connection, monkeypatch):
    agent = ExploHook().get_conn().settings.user_agent
    assert [part.split("/")[0] for part in agent.split()] == ["airflow-provider-explo", "python", "apache-airflow"]


def test_an_invalid_connection_is_refused_before_any_request_and_named(explo_connection, monkeypatch):
    connect(monkeypatch, explo_connection, password="", extra={"api": "v3"})
    with pytest.raises(ExploConfigError, match=r"(?s)'explo_default'.*password.*api"):
        ExploHook().create_user_group(user_group_id="a", name="A")
    assert explo_connection.request_count == 0


@pytest.mark.parametrize(
    "change",
    [{"extra": {"api": "v3"}}, {"password": "Token SECRET-1"}, {"host": "https://SECRET-2:SECRET-3@explo.example"}],
)
def test_mistakes_are_reported_without_any_secret_also_in_the_frames(explo_connection, monkeypatch, change):
    connect(monkeypatch, explo_connection, **change)
    error = failure(ExploHook().get_conn)
    assert isinstance(error, ExploConfigError)
    shown = everything_shown(error)
    assert "SECRET" not in shown
    assert explo_connection.token not in shown


def test_an_unknown_extra_is_named_in_a_warning(explo_connection, monkeypatch, capfd, caplog):
    connect(monkeypatch, explo_connection, extra={"requests_per_minutes": 5})
    with caplog.at_level(logging.WARNING):
        ExploHook().get_conn()
    printed = capfd.readouterr()
    assert "requests_per_minutes" in caplog.text + printed.out + printed.err


def test_test_connection_succeeds_and_changes_nothing(explo_connection):
    works, message = ExploHook().test_connection()
    assert works, message
    assert "Not tested" in message
    assert "POST /embed/create_user_group/ exists" in message
    (request,) = explo_connection.requests
    assert (request.method, request.path) == ("GET", "/v2/api/customers/")
    assert explo_connection.groups == []


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": "https://explo.invalid"}, "cannot resolve"),
        ({"host": f"http://127.0.0.1:{closed_port()}"}, "refused"),
        ({"password": "wrong"}, "rejected the API token"),
        ({"password": ""}, "API token is missing"),
    ],
)
def test_test_connection_says_what_is_wrong(explo_connection, monkeypatch, changes, words):
    connect(monkeypatch, explo_connection, **changes)
    works, message = ExploHook().test_connection()
    assert not works
    assert words in message


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("rate_limit"), "rate limit"),
        (Fault("status", status=503), "unavailable"),
        (Fault("html"), "not Explo"),
        (Fault("redirect", location="http://login.example.com/"), "redirect to 'http://login.example.com/'"),
        (Fault("status", status=404), "not Explo"),
        (Fault("close_before"), "broke"),
        (Fault("slow", seconds=1.0), "timeout"),
    ],
)
def test_test_connection_distinguishes_faults_with_one_request(explo_connection, monkeypatch, fault, words):
    connect(monkeypatch, explo_connection, extra={"timeout": 0.3, "requests_per_minute": 60000})
    explo_connection.inject(fault)
    works, message = ExploHook().test_connection()
    assert not works
    assert words in message
    assert explo_connection.request_count == 1
    assert explo_connection.token not in message


def test_tls_on_a_plain_port_is_reported(explo_connection, monkeypatch):
    connect(monkeypatch, explo_connection, host=explo_connection.url.replace("http://", "https://"))
    works, message = ExploHook().test_connection()
    assert not works
    assert "TLS" in message


def run(*command, **environment):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_airflows_own_commands_add_test_and_delete_a_connection(explo_connection, tmp_path):
    connection = explo_connection.connection_json(timeout=5)
    commands = [["add", "explo_cli", "--conn-json", connection], ["test", "explo_cli"], ["delete", "explo_cli"]]
    # One after the other in one process, since it takes seconds to start each.
    script = tmp_path / "connections.py"
    script.write_text(
        "import sys\n"
        "from airflow.__main__ import main\n"
        f"for command in {commands!r}:\n"
        "    sys.argv = ['airflow', 'connections', *command]\n"
        "    main()\n"
    )
    code, said = run("connections", PYTHONPATH=str(tmp_path))
    assert code == 0, said
    assert "Connection success!" in said
    assert "Successfully deleted connection with `conn_id`=explo_cli" in said
    assert explo_connection.token not in said


def test_a_secrets_backend_provides_the_connection(explo_connection, monkeypatch, tmp_path):
    backend = tmp_path / "connections.json"
    backend.write_text(json.dumps({"explo_vault": json.loads(explo_connection.connection_json())}))
    script = tmp_path / "create.py"
    script.write_text(
        "from airflow_provider_explo.hooks.explo import ExploHook\n"
        "print(ExploHook('explo_vault').create_user_group(user_group_id='v', name='V').provided_id)\n"
    )
    code, said = run(
        "create",
        PYTHONPATH=str(tmp_path),
        AIRFLOW__SECRETS__BACKEND="airflow.secrets.local_filesystem.LocalFilesystemBackend",
        AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps({"connections_file_path": str(backend)}),
    )
    assert code == 0, said
    assert [group.provided_id for group in explo_connection.groups] == ["v"]
    assert explo_connection.token not in said


def test_a_missing_connection_is_named(airflow_home):
    with pytest.raises(ExploError, match="'nowhere' is missing, or could not be read"):
        ExploHook(explo_conn_id="nowhere").get_conn()
