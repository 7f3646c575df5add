"""The work of a task in a thread, which ends with it or is left behind."""

from __future__ import annotations

import contextvars
import threading

import pytest

from airflow_provider_explo.exceptions import ExploConfigError
from airflow_provider_explo.sync import shutdown
from airflow_provider_explo.sync.shutdown import NO_RESPONSE, ShutdownError, ShutdownSignal


@pytest.fixture
def signal(monkeypatch):
    for name in ("GRACE_SECONDS", "RESCUE_SECONDS", "POLL_INTERVAL"):
        monkeypatch.setattr(shutdown, name, 0.05)
    return ShutdownSignal()


@pytest.fixture
def for_ever():
    """Work that hangs until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


def hanging(signal, for_ever, *, terminate=True):
    def work():
        if terminate:
            signal.set()
        for_ever()

    return work


def test_what_work_returns_and_raises_comes_through(signal):
    assert signal.run(lambda: 1) == 1

    def fail():
        raise ExploConfigError("wrong")

    with pytest.raises(ExploConfigError, match="wrong"):
        signal.run(fail)


def test_context_variables_are_those_of_the_caller(signal):
    variable = contextvars.ContextVar("variable")
    variable.set("of the caller")
    assert signal.run(variable.get) == "of the caller"


def test_work_that_hangs_is_left_behind_and_what_is_in_flight_is_logged(signal, for_ever, caplog):
    signal.in_flight.update(acme="created", bolt=NO_RESPONSE)
    with pytest.raises(ShutdownError):
        signal.run(hanging(signal, for_ever))
    assert caplog.messages[-1].splitlines() == [
        "Ended with requests without a response: 1; responses that are not saved: 1",
        "  tenant 'acme': created",
        "  tenant 'bolt': no response",
        "  fix: retry the task, which asks Explo for them",
    ]


def test_what_hangs_elsewhere_is_rescued(signal, for_ever, caplog):
    signal.in_flight["acme"] = "created"
    signal.rescue = signal.in_flight.clear
    with pytest.raises(ShutdownError):
        signal.run(hanging(signal, for_ever))
    assert "acme" not in caplog.text


def test_a_rescue_that_hangs_too(signal, for_ever):
    signal.rescue = for_ever
    with pytest.raises(ShutdownError):
        signal.run(hanging(signal, for_ever))


def test_work_that_ends_in_time_is_still_terminated(signal):
    saved = []

    def work():
        signal.set()
        saved.append("token")

    with pytest.raises(ShutdownError):
        signal.run(work)
    assert saved == ["token"]


def test_an_error_of_the_work_is_not_taken_for_a_termination(signal):
    def work():
        signal.stop()
        raise ExploConfigError("wrong")

    with pytest.raises(ExploConfigError):
        signal.run(work)


def test_an_interruption_of_this_thread_ends_the_work(signal, monkeypatch):
    real, ended = shutdown.wait, threading.Event()

    def wait(futures, timeout):
        monkeypatch.setattr(shutdown, "wait", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutdown, "wait", wait)

    def work():
        try:
            signal.sleep(60)
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        signal.run(work)
    assert ended.wait(5)
