"""What every contender meets: the same tenants, a warehouse that has them, and an Explo that counts its requests."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from benchmarks.child import environment

SQL = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants ORDER BY rowid"
# As good as none, for the client paces itself.
NO_LIMIT = 6_000_000


@dataclass(frozen=True)
class Explo:
    """An emulator that runs."""

    url: str
    token: str = field(repr=False)

    def connection(self, requests_per_minute: int = NO_LIMIT) -> str:
        """The Airflow connection to it."""
        extra = {"requests_per_minute": requests_per_minute}
        return json.dumps({"conn_type": "explo", "host": self.url, "password": self.token, "extra": extra})

    def requests(self) -> dict[str, int]:
        """How many requests it had since it was last reset, by status."""
        return dict(self._admin("GET", "requests")["by_status"])

    def reset(self) -> None:
        """Forget groups, requests and what counts for the limit."""
        self._admin("POST", "reset")

    def _admin(self, method: str, what: str) -> Any:
        request = Request(f"{self.url}/_emulator/{what}", method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
            return json.load(response)


@contextmanager
def explo(folder: Path, *, limit: int = 0, window: float = 60.0) -> Iterator[Explo]:
    """An emulator in a process of its own.

    :param limit: requests that it takes in any ``window`` seconds; 0 for any number.
    """
    token = secrets.token_urlsafe(24)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.emulator", str(limit), str(window)],
        env=environment(folder, EXPLO_EMULATOR_TOKEN=token),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Explo(process.stdout.readline().strip(), token)
        finally:
            process.stdin.close()


def tenants(count: int) -> Iterator[dict[str, Any]]:
    """Tenants as a DAG has them."""
    for number in range(count):
        yield {
            "user_group_id": f"tenant-{number:06}",
            "name": f"Tenant number {number} GmbH",
            "mapping": {"40": str(number + 1)},
            "properties": {"plan": "team", "seats": number, "region": "eu", "flags": [1, 2, 3]},
        }


def warehouse(folder: Path, count: int) -> str:
    """The Airflow connection to a new SQLite database with so many tenants."""
    path = folder / f"warehouse-{count}-{secrets.token_hex(4)}.db"
    rows = (
        (row["user_group_id"], row["name"], json.dumps(row["mapping"]), json.dumps(row["properties"]))
        for row in tenants(count)
    )
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY, name TEXT, mapping TEXT, properties TEXT)")
        database.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?)", rows)
    return json.dumps({"conn_type": "sqlite", "host": str(path)})
