"""Killed, stopped, out of time, or beside its twin: each tenant ends up with its own token. The emulator judges."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from airflow_provider_explo.emulator import Fault
from tests.conftest import AIRFLOW_3, HOME
from tests.processes import wait_until
from tests.transfers.child import Child
from tests.transfers.conftest import SQL

TENANTS = 120
IN_FLIGHT = 4


@pytest.fixture
def start(database, explo_connection, airflow_home, monkeypatch, tmp_path_factory):
    """Start the operator in a process of its own, slow enough to be interrupted."""
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=6000))

    @contextmanager
    def running(**arguments):
        given = {
            "sql": SQL,
            "sql_conn_id": "warehouse",
            "refresh": False,
            "max_in_flight": IN_FLIGHT,
            "chunk_size": 50,
            **arguments,
        }
        environment = {**os.environ, "AIRFLOW_HOME": str(HOME)}
        child = Child(given, environment=environment, folder=tmp_path_factory.mktemp("child"))
        try:
            yield child
        finally:
            child.kill()

    return running


def wait_for_calls(emulator, count):
    wait_until(lambda: emulator.request_count >= count, what=f"{count} calls to Explo", patience=60, pause=0.002)


def wait_for_groups(emulator, count):
    wait_until(lambda: len(emulator.groups) >= count, what=f"{count} user groups", patience=60, pause=0.01)


def put_tenants(database):
    database.put(*((f"t{number}", f"Tenant {number}", {"40": number + 1}) for number in range(TENANTS)))


def assert_each_has_its_own(database, emulator):
    groups = {group.provided_id: group for group in emulator.groups}
    assert len(groups) == TENANTS
    assert database.tokens() == {tenant: group.token for tenant, group in groups.items()}
    for row in database.rows("tenants"):
        # Explo keeps a data source as text.
        assert groups[row["tenant_id"]].mapping == {"40": str(json.loads(row["mapping"])["40"])}


def test_killed_again_and_again_it_ends_with_every_tenant_and_sends_no_finished_one_twice(
    start, database, explo_connection
):
    put_tenants(database)
    chance = random.Random(20261123)
    kills = 5
    for _ in range(kills):
        with start() as child:
            wait_for_calls(explo_connection, explo_connection.request_count + chance.randint(1, 25))
            time.sleep(chance.random() / 50)
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        done = set(database.tokens())
        explo_connection.inject(Fault("close_after"))
        before = explo_connection.request_count
        assert before >= len(done)
    with start() as child:
        out, log = child.communicate(timeout=120)
    assert child.returncode == 0, log
    assert_each_has_its_own(database, explo_connection)
    sent_last = {request.user_group_id for request in explo_connection.requests[before:]}
    assert sent_last.isdisjoint(done)
    # One call a tenant, one more for each that was in flight at a kill, and for each that got no answer.
    assert explo_connection.request_count <= TENANTS + kills * (2 * IN_FLIGHT) + kills
    assert json.loads(out.splitlines()[-1])["rows"] == TENANTS


def test_two_at_once_give_the_same_as_one(start, database, explo_connection):
    put_tenants(database)
    with start() as one, start(sql=SQL.replace("ORDER BY rowid", "ORDER BY rowid DESC")) as other:
        for child in (one, other):
            _, log = child.communicate(timeout=120)
            assert child.returncode == 0, log
    assert_each_has_its_own(database, explo_connection)
    assert explo_connection.request_count < 2 * TENANTS


def test_two_at_once_in_the_same_order_share_the_work(start, database, explo_connection):
    put_tenants(database)
    with start(refresh=True) as one, start(refresh=True) as other:
        for child in (one, other):
            _, log = child.communicate(timeout=120)
            assert child.returncode == 0, log
    assert_each_has_its_own(database, explo_connection)
    created = [request for request in explo_connection.requests if request.path == "/embed/create_user_group/"]
    assert len(created) < 1.75 * TENANTS


def test_sigterm_lets_calls_in_flight_end_and_saves_them(start, database, explo_connection):
    put_tenants(database)
    explo_connection.inject(Fault("slow", seconds=1.5, times=None))
    with start() as child:
        wait_for_groups(explo_connection, IN_FLIGHT + 1)
        child.send_signal(signal.SIGTERM)
        _, log = child.communicate(timeout=30)
    assert child.returncode != 0
    assert "task was terminated" in log
    assert database.tokens() == {group.provided_id: group.token for group in explo_connection.groups}
    assert 0 < len(database.tokens()) < TENANTS


def test_sigterm_does_not_wait_for_an_explo_that_hangs(start, database, explo_connection):
    put_tenants(database)
    explo_connection.inject(Fault("slow", seconds=60, times=IN_FLIGHT))
    with start() as child:
        wait_for_groups(explo_connection, IN_FLIGHT)
        child.send_signal(signal.SIGTERM)
        out, log = child.communicate(timeout=30)
    assert "task was terminated" in log
    assert "requests without a response" in out + log


def test_execution_timeout_saves_what_was_sent(bulk, database, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=600))
    put_tenants(database)
    try:
        assert bulk(execution_timeout=timedelta(seconds=3)).state == "failed"
    except BaseException as error:
        # Airflow 2 lets it out of dag.test().
        if AIRFLOW_3 or type(error).__name__ != "AirflowTaskTimeout":
            raise
    assert 0 < len(database.tokens()) < TENANTS
    assert database.tokens() == {group.provided_id: group.token for group in explo_connection.groups}
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(requests_per_minute=60000))
    assert bulk(execution_timeout=timedelta(seconds=60)).state == "success"
    assert_each_has_its_own(database, explo_connection)
