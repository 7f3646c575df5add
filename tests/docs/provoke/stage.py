"""What a provoker needs to make something go wrong for real: Explo, a server with any response, a warehouse."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.emulator import ExploEmulator, Fault
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.client.conftest import StandIn

SELECT = "SELECT id AS user_group_id, name FROM tenants"
# Places of this test run, and what the documentation has instead.
PLACES = (
    (r"http://127\.0\.0\.1:\d+ responded", "https://api.explo.co responded"),
    (r"127\.0\.0\.1:\d+|explo\.invalid|255\.255\.255\.255:1", "api.explo.co"),
    (r"found: /\S+, [\d,]+ MiB free", "found: /tmp, 0 MiB free"),
    (r"'/[^']*/(\w+\.pem)'", r"'/etc/ssl/\1'"),
    (r"'/[^']*/(\w+\.json)'", r"'schemas/\1'"),
)


@dataclass
class TaskInstance:
    """As much of one as the operators use."""

    dag_id: str = "documented"
    task_id: str = "onboard"
    run_id: str = "run"
    map_index: int = -1
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, *, task_ids: str, map_indexes: int, key: str = "return_value") -> Any:
        return self.pushed[key]


@dataclass
class Stage:
    """One provoker's surroundings.

    :param emulator: behind the connection ``explo_default``.
    """

    emulator: ExploEmulator
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    caplog: pytest.LogCaptureFixture
    capfd: pytest.CaptureFixture[str]
    servers: list[StandIn] = field(default_factory=list)

    def fault(self, kind: str, **options: Any) -> None:
        """Let this happen to every request that it is meant for."""
        self.emulator.inject(Fault(kind, **{"times": None, **options}))

    def server(self, *replies: Any, **options: Any) -> StandIn:
        """A server that sends these responses, whatever they are."""
        self.servers.append(StandIn(**options))
        self.servers[-1].will(*replies)
        return self.servers[-1]

    def error(self, work: Callable[[], Any]) -> str:
        """The message with which something fails."""
        with pytest.raises(Exception) as caught:
            work()
        return str(caught.value)

    def create(self, url: str | None = None, **settings: Any) -> str:
        """The message with which ``create_user_group`` fails."""
        defaults = {"timeout": 0.5, "retry_timeout": 0.3, "requests_per_minute": 60_000}
        explo = {"token": self.emulator.token, "base_url": url or self.emulator.url}
        with ExploClient(ClientSettings(**{**defaults, **explo, **settings})) as client:
            return self.error(lambda: client.create_user_group(user_group_id="acme", name="Acme"))

    def database(self, *statements: str) -> None:
        """Run statements in the warehouse, behind the connection ``warehouse``."""
        path = self.folder / "warehouse.db"
        self.monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
        with closing(sqlite3.connect(path)) as database, database:
            for statement in statements:
                database.execute(statement)

    def tenants(self, *rows: tuple[Any, ...]) -> None:
        """Put tenants into the warehouse: id and name."""
        self.database("CREATE TABLE tenants (id TEXT, name TEXT)")
        with closing(sqlite3.connect(self.folder / "warehouse.db")) as database, database:
            database.executemany("INSERT INTO tenants VALUES (?, ?)", rows)

    def onboard(self, **arguments: Any) -> dict[str, Any]:
        """Run the bulk operator; its summary is also on the task instance where it fails."""
        defaults = {"sql": SELECT, "sql_conn_id": "warehouse", "max_in_flight": 1}
        operator = SqlToExploOperator(task_id="onboard", **{**defaults, **arguments})
        return operator.execute({"ti": TaskInstance(), "logical_date": datetime(2026, 3, 3, tzinfo=timezone.utc)})

    def log(self) -> Iterator[str]:
        """What was logged."""
        return (record.getMessage() for record in self.caplog.records)

    def logged(self, pattern: str) -> list[str]:
        """What matches in the log, also of hooks and operators, which Airflow 3.3 prints."""
        return re.findall(pattern, "\n".join([*self.log(), self.capfd.readouterr().out]), re.DOTALL)

    def outcomes(self, kind: str) -> Iterator[str]:
        """The reasons that the log gives for rows of this outcome."""
        for line in self.log():
            if match := re.match(rf"(?:row \d+, )?tenant '.*?': {kind}\n(.*)", line, re.DOTALL):
                yield dedent(match[1])

    def end(self) -> None:
        """Stop the servers."""
        for server in self.servers:
            server.stop()


def placed(message: str) -> str:
    """A message as the documentation has it."""
    for here, there in PLACES:
        message = re.sub(here, there, message)
    return message.strip()
