"""What every contender meets: the same tenants, a warehouse that has them, and an Explo that counts its requests."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
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

    def forget_requests(self) -> None:
        """Count requests from 0 again."""
        self._admin("POST", "reset?what=requests")

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add tenants, as if they had been made before: they count for no limit."""
        added = iter(rows)
        while chunk := [
            {"provided_id": row["user_group_id"], **{key: row[key] for key in ("name", "mapping", "properties")}}
            for row in islice(added, 5_000)
        ]:
            self._admin("POST", "groups", chunk)

    def _admin(self, method: str, what: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/_emulator/{what}", method=method, data=data, headers=headers)
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
    return map(tenant, range(count))


def tenant(number: int) -> dict[str, Any]:
    """One of them."""
    return {
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
