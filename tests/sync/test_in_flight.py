"""Attempts in flight: some are collected at once, and a failure is dealt with before anything else is begun."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from airflow_provider_explo.exceptions import ExploUnavailableError
from airflow_provider_explo.sync.attempt import Attempt
from airflow_provider_explo.sync.in_flight import InFlight, attempts_of
from airflow_provider_explo.sync.plan import Change

TENANTS = [f"t{number}" for number in range(40)]


def attempt(user_group_id):
    return Attempt(due=0.0, number=1, change=Change(row=1, user_group_id=user_group_id, name="N", action="create"))


def ids(attempts):
    return {made.change.user_group_id for made in attempts}


def collect(in_flight):
    """Collect everything; the ids of each time."""
    times = []
    while len(in_flight):
        done = in_flight.done()
        times.append(ids(attempts_of(done)))
        in_flight.remove(done)
        in_flight.go_on()
    return times


@pytest.fixture
def flight():
    made = []

    def new(make, *, size=4, rate=1000.0):
        made.append(InFlight(make, size=size, rate=rate))
        return made[-1]

    yield new
    for one in made:
        one.shutdown()


@pytest.mark.parametrize(("size", "rate", "capacity"), [(4, 3.0, 8), (4, 400.0, 40), (1, 1e6, 64), (100, 1e6, 200)])
def test_as_many_are_pending_as_the_pace_needs(flight, size, rate, capacity):
    assert flight(lambda made: made, size=size, rate=rate).capacity == capacity


def test_what_is_done_soon_is_collected_at_once(flight):
    in_flight = flight(lambda made: made)
    for name in TENANTS:
        in_flight.start(attempt(name))
    times = collect(in_flight)
    assert set().union(*times) == set(TENANTS)
    assert len(times) < len(TENANTS) / 2


def test_what_is_collected_comes_in_the_order_of_its_start(flight):
    """Of two tenants with one token, the first keeps it."""
    in_flight = flight(lambda made: made, size=8)
    for name in TENANTS:
        in_flight.start(attempt(name))
    assert len(in_flight.remaining(timeout=10)) == len(TENANTS)
    assert [made.change.user_group_id for made in attempts_of(in_flight.done())] == TENANTS


def test_one_that_hangs_keeps_no_other_waiting(flight):
    over = threading.Event()

    def make(made):
        if made.change.user_group_id == "t0":
            over.wait()
        return made

    in_flight = flight(make)
    for name in TENANTS:
        in_flight.start(attempt(name))
    collected = set()
    while len(in_flight) > 1:
        done = in_flight.done()
        collected |= ids(attempts_of(done))
        in_flight.remove(done)
    assert collected == set(TENANTS[1:])
    over.set()
    assert collect(in_flight) == [{"t0"}]


def test_nothing_is_begun_after_a_failure_until_that_was_dealt_with(flight):
    begun = []

    def fail(made):
        begun.append(made.change.user_group_id)
        return replace(made, error=ExploUnavailableError("away"))

    in_flight = flight(fail, size=1)
    for name in TENANTS[:3]:
        in_flight.start(attempt(name))
    for number, name in enumerate(TENANTS[:3], 1):
        done = in_flight.done()
        assert ids(attempts_of(done)) == {name}
        assert begun == TENANTS[:number]
        in_flight.remove(done)
        in_flight.go_on()


def test_a_failure_keeps_nothing_from_ending(flight):
    in_flight = flight(lambda made: replace(made, error=ExploUnavailableError("away")), size=1)
    for name in TENANTS[:3]:
        in_flight.start(attempt(name))
    in_flight.done()
    # As at the end of a task, which looks at no failure.
    assert len(in_flight.remaining(timeout=10)) == 3


def test_an_error_that_is_no_failed_request_is_raised(flight):
    def fail(made):
        raise ZeroDivisionError("a bug")

    in_flight = flight(fail)
    in_flight.start(attempt("t0"))
    with pytest.raises(ZeroDivisionError):
        attempts_of(in_flight.done())


def test_what_was_not_begun_is_no_attempt(flight):
    in_flight = flight(lambda made: None)
    in_flight.start(attempt("t0"))
    assert attempts_of(in_flight.done()) == []
