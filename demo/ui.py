"""``make ui``: the demo's Airflow in a browser, as ``airflow standalone``, with connections and DAGs in place."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from demo import home, processes, warehouse
from demo.__main__ import TENANTS, explo

PATIENCE = 180


def main() -> int:
    with processes.alone():
        print("Airflow's metadata database, below .demo (some 10 seconds the first time)", flush=True)
        home.migrate()
        if not home.WAREHOUSE.exists():
            warehouse.build(home.WAREHOUSE, count=TENANTS)
        with explo() as (connection, where):
            _serve(connection, where)
    return 0


def _serve(connection: str, where: str) -> None:
    port, password = _free_port(), secrets.token_urlsafe(12)
    passwords = home.HOME / "ui-passwords.json"
    passwords.write_text(json.dumps({"admin": password}))
    passwords.chmod(0o600)
    environment = home.environment(
        explo=connection,
        AIRFLOW__API__PORT=str(port),
        AIRFLOW__API__HOST="127.0.0.1",
        AIRFLOW__API__BASE_URL=f"http://127.0.0.1:{port}",
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
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
        print(f"Airflow starts (about a minute); its log goes to {log_path.relative_to(home.PROJECT)}", flush=True)
        command = [sys.executable, "-m", "airflow", "standalone"]
        with processes.running(command, environment=environment, log=log) as process:
            _wait_until_healthy(port, process)
            print(f"\n  Airflow  http://127.0.0.1:{port}   login admin   password {password}")
            print(f"  Explo    {where}")
            print("\nTrigger explo_onboard_tenant for its form. Ctrl-C stops everything.", flush=True)
            process.wait()
            raise subprocess.SubprocessError(f"Airflow ended; see {log_path}")


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    opener = build_opener(ProxyHandler({}))
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < PATIENCE:
        try:
            with opener.open(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as response:
                health = json.load(response)
            if all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")):
                return
        except (URLError, OSError, KeyError, ValueError):
            pass
        time.sleep(1)
    raise subprocess.SubprocessError("Airflow did not become healthy; see .demo/logs/standalone.log")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing is left running.")
    except subprocess.SubprocessError as error:
        sys.exit(f"\n{error}")
