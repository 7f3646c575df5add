"""An api-server with the page, and users of different rights."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airflow_provider_explo.sql.engine import engine_of
from tests.page import tables
from tests.processes import Program, free_port, wait_until

# By the name of each, which is the password too, a role; tests.page.auth_manager says more.
USERS = "admin:admin,viewer:viewer,partial:viewer,powerless:"
API_TOKEN = "the-api-token-of-explo-77aa"


@dataclass(frozen=True)
class Page:
    """A response."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def words(self) -> str:
        """Its text without tags."""
        return " ".join(re.sub(r"<[^>]+>", " ", self.text).split())


class Server:
    """A running api-server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def token(self, user: str) -> str:
        """What the UI keeps in a cookie after a login."""
        body = json.dumps({"username": user, "password": user}).encode()
        request = urllib.request.Request(
            f"{self.url}/auth/token", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return str(json.load(response)["access_token"])

    def get(self, path: str, *, user: str | None = None, token: str | None = None, accept: str = "text/html") -> Page:
        """A response, also where it is an error or a redirect. The user comes as in a browser: with a cookie."""
        headers = {"Accept": accept}
        if user is not None:
            token = self.token(user)
        if token is not None:
            headers["Cookie"] = f"_token={token}"
        opener = urllib.request.build_opener(NoRedirects())
        try:
            response = opener.open(urllib.request.Request(self.url + path, headers=headers), timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return Page(response.status, response.read().decode(), dict(response.headers))


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture(scope="session")
def warehouse_connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection to a database with full tables."""
    path = tmp_path_factory.mktemp("page") / "tables.db"
    text = json.dumps({"conn_type": "sqlite", "host": str(path)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_FULL", text)
        engine = engine_of("full")
    tables.fill(engine)
    engine.dispose()
    return text


@pytest.fixture(scope="session")
def server(airflow_home: Path, warehouse_connection: str) -> Iterator[Server]:
    port = free_port()
    passwords = airflow_home / "passwords.json"
    passwords.write_text(json.dumps({name.partition(":")[0]: name.partition(":")[0] for name in USERS.split(",")}))
    settings = {
        # Below a path, as behind a proxy; the browser's tests are without.
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}/airflow",
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.page.auth_manager.TestAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__EXPLO__PAGE": "True",
        "AIRFLOW__EXPLO__PAGE_CONN_ID": "full",
        "AIRFLOW_CONN_FULL": warehouse_connection,
        "AIRFLOW_CONN_EXPLO_DEFAULT": json.dumps(
            {"conn_type": "explo", "password": API_TOKEN, "extra": {"requests_per_minute": 250}}
        ),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = (sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port))
    program = Program(
        *command,
        "--workers",
        "1",
        log=airflow_home / "page-api-server.log",
        environment=os.environ | settings,
        cwd=airflow_home,
    )
    program.start()
    server = Server(f"http://127.0.0.1:{port}/airflow")

    def running() -> bool:
        with urllib.request.urlopen(f"{server.url}/api/v2/version", timeout=10) as response:
            return bool(response.status == 200)

    try:
        wait_until(running, what="a running api-server", patience=180)
        yield server
    finally:
        program.stop()
