"""ExploToSqlOperator in a process of its own: stopped, out of time, and with 25,000 customers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta

import psutil
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from tests.conftest import AIRFLOW_3, HOME
from tests.processes import wait_until
from tests.transfers.inventory import rows_of


@pytest.fixture
def child(warehouse, explo_connection, airflow_home):
    """Start the operator in a process of its own."""
    started = []

    def start(**arguments):
        command = [sys.executable, "-m", "tests.transfers.inventory_child"]
        started.append(
            subprocess.Popen(
                [*command, json.dumps({"sql_conn_id": "warehouse", **arguments})],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "AIRFLOW_HOME": str(HOME)},
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def has_a_connection(process):
    """Whether it is connected to the emulator."""
    connections = psutil.Process(process.pid).net_connections(kind="tcp")
    return any(connection.status == psutil.CONN_ESTABLISHED for connection in connections)


@pytest.mark.slow
def test_25_000_customers_take_25_requests_and_memory_stays_flat(child, warehouse, explo_connection):
    explo_connection.add_many(
        {"provided_id": f"tenant-{number}", "properties": {"filler": "x" * 500}} for number in range(2_000)
    )
    out, log = child().communicate(timeout=120)
    small = json.loads(out.splitlines()[-1])
    assert small["customers"] == 2_000, log
    explo_connection.add_many(
        {"provided_id": f"tenant-{number}", "properties": {"filler": "x" * 500}} for number in range(2_000, 25_000)
    )
    explo_connection.clear_requests()
    out, log = child().communicate(timeout=240)
    large = json.loads(out.splitlines()[-1])
    assert large["customers"] == 25_000
    assert explo_connection.request_count == 25
    assert "20,000 customers read in 20 requests" in out + log
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT COUNT(*) FROM explo_customers")).scalar() == 25_000
    engine.dispose()
    # Their texts alone are over 25 MB.
    assert large["peak"] - small["peak"] < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("interruption", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_the_old_rows(child, warehouse, explo_connection, interruption):
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    explo_connection.add_many(1200)
    child().communicate(timeout=60)
    before = rows_of(engine)
    explo_connection.delete("tenant-1")
    explo_connection.clear_requests()
    explo_connection.inject(Fault("slow", seconds=60))
    process = child()
    wait_until(lambda: process.poll() is not None or has_a_connection(process), what="a request", patience=30)
    process.send_signal(interruption)
    started = time.monotonic()
    _, log = process.communicate(timeout=30)
    assert time.monotonic() - started < 10
    assert process.returncode != 0
    assert ("task was terminated" in log) == (interruption == signal.SIGTERM)
    assert rows_of(engine) == before
    engine.dispose()


@pytest.mark.slow
def test_execution_timeout_leaves_the_old_rows(run_dag, warehouse, explo_connection):
    explo_connection.add_many(3)
    explo_connection.inject(Fault("slow", seconds=8, times=None))
    with DAG("inventory", start_date=datetime(2024, 1, 1), schedule=None) as dag:
        ExploToSqlOperator(task_id="inventory", sql_conn_id="warehouse", execution_timeout=timedelta(seconds=2))
    started = time.monotonic()
    try:
        assert run_dag(dag).state == "failed"
    except BaseException as error:
        # Airflow 2 lets it out of dag.test().
        if AIRFLOW_3 or type(error).__name__ != "AirflowTaskTimeout":
            raise
    assert time.monotonic() - started < 7
    engine = sa.create_engine(f"sqlite:///{warehouse}")
    assert rows_of(engine) == []
    engine.dispose()
