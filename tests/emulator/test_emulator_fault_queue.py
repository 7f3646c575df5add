"""Which fault hits which request, and what is left in Explo when a response is lost."""

from __future__ import annotations

import time

import pytest
import requests

from airflow_provider_explo.emulator import ExploEmulator, Fault
from airflow_provider_explo.emulator.faults import FaultQueue

from .conftest import Send

CREATE = "/embed/create_user_group/"
REFRESH = ("/api/refresh_customer_token/", "/api/refresh_user_group_token/")
DELETE = ("/api/delete_customer/", "/api/delete_user_group/")


def never_responds(send: Send, explo: ExploEmulator, fault: Fault, method: str, path: str) -> None:
    explo.inject(fault)
    error = requests.ReadTimeout if fault.kind == "slow" else requests.ConnectionError
    with pytest.raises(error):
        send(method, path, {"current_token": explo.groups[0].token}, timeout=0.2)


@pytest.mark.parametrize("fault", [Fault("close_after"), Fault("slow", seconds=3600)], ids=lambda fault: fault.kind)
@pytest.mark.parametrize("path", REFRESH)
def test_a_refresh_whose_response_is_lost_was_done(send: Send, explo: ExploEmulator, fault: Fault, path: str) -> None:
    old = explo.add(provided_id="a").token
    never_responds(send, explo, fault, "POST", path)

    assert explo.groups[0].token != old
    assert send("POST", path, {"current_token": old}).status_code == 404


@pytest.mark.parametrize("fault", [Fault("close_after"), Fault("slow", seconds=3600)], ids=lambda fault: fault.kind)
@pytest.mark.parametrize("path", DELETE)
def test_a_delete_whose_response_is_lost_was_done(send: Send, explo: ExploEmulator, fault: Fault, path: str) -> None:
    explo.add(provided_id="a")
    never_responds(send, explo, fault, "DELETE", path)

    assert explo.groups == []


@pytest.mark.parametrize("path", REFRESH)
def test_a_refresh_that_never_came_was_not_done(send: Send, explo: ExploEmulator, path: str) -> None:
    old = explo.add(provided_id="a").token
    never_responds(send, explo, Fault("close_before"), "POST", path)

    assert explo.groups[0].token == old


def test_chosen_tenants_fail_always_and_another_is_slow(send: Send, explo: ExploEmulator) -> None:
    for tenant in ("b", "d"):
        explo.inject(Fault("status", status=500, user_group_id=tenant, times=None))
    explo.inject(Fault("slow", seconds=0.3, user_group_id="e", times=None))
    for _ in range(2):
        before = time.monotonic()
        statuses = [send("POST", CREATE, {"user_group_id": tenant, "name": "N"}).status_code for tenant in "abcd"]
        fast = time.monotonic() - before
        assert statuses == [200, 500, 200, 500]
        assert send("POST", CREATE, {"user_group_id": "e", "name": "E"}).status_code == 200
        assert time.monotonic() - before >= fast + 0.3
    assert [group.provided_id for group in explo.groups] == ["a", "c", "e"]


def test_faults_come_in_the_order_of_the_queue() -> None:
    queue = FaultQueue()
    faults = [
        Fault("html", path="/v2/"),
        Fault("refused", user_group_id="a", times=2),
        Fault("no_token", path="/api/", user_group_id="a"),
        Fault("truncated"),
        Fault("cut_off", times=None),
    ]
    for fault in faults:
        queue.add(fault)

    kinds = [fault and fault.kind for fault in (queue.take("/api/x/", tenant) for tenant in "baaaa")]
    assert kinds == ["truncated", "refused", "refused", "no_token", "cut_off"]
    assert len(queue) == 2
    assert [queue.take("/v2/x/", None), queue.take("/v2/x/", None)] == [faults[0], faults[4]]
    queue.clear()
    assert (queue.take("/v2/x/", None), len(queue)) == (None, 0)


@pytest.mark.slow
def test_many_faults_cost_little_each() -> None:
    queue = FaultQueue()
    for number in range(100_000):
        queue.add(Fault("html", user_group_id=str(number)))
    before = time.process_time()
    for number in reversed(range(100_000)):
        assert queue.take(CREATE, str(number)) is not None

    assert time.process_time() - before < 10, "one by one through the queue, it takes an hour"
    assert len(queue) == 0
