"""A reconcile that is killed fifty times, beside faults and drift: no tenant lost, none doubled, each token Explo's."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

from airflow_provider_explo.emulator import Fault
from tests.conftest import HOME
from tests.processes import wait_until
from tests.transfers.child import Child
from tests.transfers.conftest import SQL

pytestmark = pytest.mark.slow

TENANTS = 200
KILLS = 50
# A child is killed after so many requests, of which the first is the list, and so many seconds.
MAX_REQUESTS, MAX_SECONDS = 10, 0.03
FAULTS = (("close_after", {}), ("status", {"status": 500}), ("slow", {"seconds": 0.05}))


@pytest.fixture
def start(database, explo_connection, airflow_home, monkeypatch, tmp_path_factory):
    """Start a reconcile in a process of its own."""
    extra = {"requests_per_minute": 30_000, "timeout": 5, "retry_timeout": 20}
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", explo_connection.connection_json(**extra))

    def child():
        arguments = {
            "sql": SQL,
            "sql_conn_id": "warehouse",
            "if_exists": "update",
            "if_missing": "delete",
            "max_change_share": 1.0,
            "rejects_table": "rejects",
            "log_table": "history",
            "chunk_size": 50,
        }
        environment = {**os.environ, "AIRFLOW_HOME": str(HOME)}
        return Child(arguments, environment=environment, folder=tmp_path_factory.mktemp("child"))

    return child


class Drift:
    """What people do in the warehouse and in Explo between two runs."""

    def __init__(self, database, emulator, chance):
        self.database, self.emulator, self.chance = database, emulator, chance
        self.wanted = {}
        self.count = 0

    def sign_up(self, number):
        for _ in range(number):
            name, self.count = f"t{self.count:03}", self.count + 1
            self.wanted[name] = f"Tenant {name}"
            self.database.put((name, self.wanted[name], {"40": len(self.wanted)}, {"n": self.count}))

    def happen(self):
        """A few of each change."""
        self.sign_up(2)
        # One whose token was never saved would leave a group behind that is like the unmanaged ones.
        saved = self.wanted.keys() & self.database.tokens().keys()
        for name in self.chance.sample(sorted(saved), 2):
            del self.wanted[name]
            self.database.run("DELETE FROM tenants WHERE tenant_id = ?", (name,))
        for name in self.chance.sample(sorted(self.wanted), 3):
            self.wanted[name] = f"{name} renamed {self.chance.random()}"
            self.database.run("UPDATE tenants SET name = ? WHERE tenant_id = ?", (self.wanted[name], name))
        there = sorted(group.provided_id for group in self.emulator.groups if group.provided_id != "unmanaged")
        edited, deleted, refreshed = self.chance.sample(there, 3)
        self.emulator.edit(edited, name="Edited", mapping={"40": "999"})
        self.emulator.delete(deleted)
        self.emulator.refresh_token(refreshed)

    def break_something(self):
        """A fault, of the list at times, and else of the first requests that change something."""
        kind, options = self.chance.choice(FAULTS)
        if self.chance.random() < 0.2:
            self.emulator.inject(Fault(kind, path="/v2/api/customers/", **options))
        else:
            self.emulator.inject(Fault(kind, times=self.chance.randint(1, 3), path="_user_group", **options))


def wait_for(child, emulator, *, requests):
    def is_there():
        return emulator.request_count >= requests or child.returncode is not None

    wait_until(is_there, what=f"{requests} requests", patience=30, pause=0.002)


def test_fifty_kills_lose_nobody_double_nobody_and_leave_each_token_explo_s(start, database, explo_connection):
    chance = random.Random(20261125)
    drift = Drift(database, explo_connection, chance)
    explo_connection.add(provided_id="unmanaged", name="Other")
    (unmanaged,) = explo_connection.groups
    drift.sign_up(TENANTS)
    first = start()
    first.communicate(timeout=60)
    assert first.returncode == 0
    drift.sign_up(50)
    interrupted = 0
    for _ in range(KILLS):
        drift.happen()
        drift.break_something()
        explo_connection.clear_requests()
        child = start()
        wait_for(child, explo_connection, requests=chance.randint(1, MAX_REQUESTS))
        time.sleep(chance.uniform(0, MAX_SECONDS))
        child.kill()
        interrupted += child.returncode == -signal.SIGKILL
    explo_connection.clear_faults()
    last = start()
    out, log = last.communicate(timeout=60)
    assert last.returncode == 0, log
    assert interrupted > KILLS / 2

    groups = {group.provided_id: group for group in explo_connection.groups}
    assert len(groups) == len(explo_connection.groups)
    assert groups.pop("unmanaged") == unmanaged
    assert groups.keys() == drift.wanted.keys()
    assert database.tokens() == {name: group.token for name, group in groups.items()}
    assert {name: group.name for name, group in groups.items()} == drift.wanted
    for row in database.rows("tenants"):
        assert groups[row["tenant_id"]].mapping == {"40": str(json.loads(row["mapping"])["40"])}
        assert groups[row["tenant_id"]].properties == json.loads(row["properties"])

    explo_connection.clear_requests()
    again = start()
    out, log = again.communicate(timeout=60)
    assert json.loads(out.splitlines()[-1])["unchanged"] == len(groups), log
    assert explo_connection.request_count == 1
    assert database.rows("rejects") == []
