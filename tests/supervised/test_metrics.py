"""What Airflow's StatsD hears of a task on Airflow's own supervisor."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing, suppress

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.operators.explo import ExploDeleteUserGroupOperator, ExploUpdateUserGroupOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

pytest.importorskip("statsd")
pytestmark = pytest.mark.slow
assert subprocess


@pytest.fixture
def metrics(monkeypatch):
    """What was sent, by name: how many packets, and the sum of their values."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        host, port = listener.getsockname()
        for name, value in {"ON": "True", "HOST": host, "PORT": str(port)}.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__STATSD_{name}", value)

        def received():
            counts, sums = Counter(), Counter()
            with suppress(BlockingIOError):
                while True:
                    name, _, value = listener.recv(65536).decode().partition(":")
                    if name.startswith("airflow.explo."):
                        counts[name.removeprefix("airflow.")] += 1
                        sums[name.removeprefix("airflow.")] += float(value.partition("|")[0])
            return counts, sums

        yield received


def test_requests_and_outcomes(start_task, metrics, warehouse, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=6000))
    with closing(sqlite3.connect(warehouse)) as connection, connection:
        rows = [("t1", "One"), ("t2", "Two"), ("t3", "")]
        connection.executemany("INSERT INTO tenants (tenant_id, name) VALUES (?, ?)", rows)
    explo_connection.add(provided_id="t2", name="Two")
    explo_connection.inject(Fault("rate_limit", retry_after="1"))
    explo_connection.inject(Fault("slow", seconds=0.5))
    sql = "SELECT tenant_id AS user_group_id, name FROM tenants"
    start_task(SqlToExploOperator, sql=sql, sql_conn_id="warehouse").assert_ends(within=60)
    counts, sums = metrics()
    assert sums.pop("explo.request.duration") >= 500
    assert counts.pop("explo.request.duration") == explo_connection.request_count
    assert dict(sums) == {
        "explo.requests": explo_connection.request_count,
        "explo.rate_limited": 1,
        "explo.tenants.created": 1,
        "explo.tenants.existing": 1,
        "explo.tenants.rejected": 1,
    }


def test_one_tenant(start_task, metrics, explo_connection):
    explo_connection.add(provided_id="acme", name="Acme")
    for operator, arguments in (
        (ExploUpdateUserGroupOperator, {"name": "Acme AG"}),
        (ExploDeleteUserGroupOperator, {}),
        (ExploUpdateUserGroupOperator, {"name": "Acme AG"}),
    ):
        start_task(operator, user_group_id="acme", **arguments).assert_ends(within=60)
    _, sums = metrics()
    assert {name: value for name, value in sums.items() if "tenants" in name} == {
        "explo.tenants.updated": 1,
        "explo.tenants.deleted": 1,
        "explo.tenants.failed": 1,
    }
