"""``make ui``: the demo's Airflow in a browser, as ``airflow standalone``, with its runs, connections and DAGs."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from demo import home, processes
from demo.__main__ import explo, run
from demo.steps import REVIEW

PATIENCE = 180
OTHER_EXPLO = f"""\
The demo's tokens are of another Explo than this one. Give `make ui` the {home.EXPLO_CONNECTION} that `make demo` had,
or none if it had none; or run `make demo` again."""


def main() -> int:
    with processes.alone():
        if not home.FINISHED.exists():
            print("No demo has ended here yet, so it runs first.", flush=True)
            run()
        finished = json.loads(home.FINISHED.read_text())
        if finished["real"] != (home.real_explo() is not None):
            sys.exit(OTHER_EXPLO)
        with explo() as (connection, where):
            _serve(connection, where, finished["pages"])
    return 0


def _serve(connection: str, where: str, pages: dict[str, str]) -> None:
    port, password = processes.free_port(), secrets.token_urlsafe(12)
    url = f"http://127.0.0.1:{port}"
    passwords = home.HOME / "ui-passwords.json"
    home.write_private(passwords, json.dumps({"admin": password}))
    environment = home.environment(
        explo=connection,
        AIRFLOW__API__PORT=str(port),
        AIRFLOW__API__HOST="127.0.0.1",
        AIRFLOW__API__BASE_URL=url,
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{url}/execution/",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="admin:admin",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
    )
    log_path = home.LOGS / "standalone.log"
    with log_path.open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "demo.connections"],
            env=environment,
            cwd=home.PROJECT,
            stdout=log,
            stderr=log,
            check=True,
        )
        print(f"Airflow starts (about a minute); its log goes to {log_path}", flush=True)
        command = [sys.executable, "-m", "airflow", "standalone"]
        with processes.running(command, environment=environment, log=log) as process:
            _wait_until_healthy(url, process)
            # Not before: a task that starts before the API server fails, and is tried again minutes later.
            _unpause(REVIEW, url, password)
            print(f"\n  Airflow  {url}   login admin   password {password}")
            print(f"  Explo    {where}\n")
            for title, path in pages.items():
                print(f"  {title:<22} {url}{path}")
            print(f"  {'waiting for approval':<22} {url}/required_actions (half a minute from now)")
            print(f"  {'all of it on a page':<22} {url}/explo/")
            print("\nDaily DAGs that change Explo unasked are paused. explo_onboard_tenant has a form to trigger it.")
            print("Ctrl-C stops everything; runs, tokens and Explo's groups stay for the next `make ui`.", flush=True)
            process.wait()
            raise subprocess.SubprocessError(f"Airflow ended; see {log_path}")


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < PATIENCE:
        try:
            health = _request(f"{url}/api/v2/monitor/health")
            if all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")):
                return
        except (URLError, OSError, KeyError, ValueError):
            pass
        time.sleep(1)
    raise subprocess.SubprocessError(f"Airflow did not become healthy; see {home.LOGS / 'standalone.log'}")


def _unpause(dag_id: str, url: str, password: str) -> None:
    login = _request(f"{url}/auth/token", {"username": "admin", "password": password})
    _request(f"{url}/api/v2/dags/{dag_id}", {"is_paused": False}, method="PATCH", token=login["access_token"])


def _request(url: str, body: Any = None, *, method: str | None = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers=headers, method=method)
    with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
        return json.load(response)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing is left running.")
    except subprocess.SubprocessError as error:
        sys.exit(f"\n{error}")
