"""pytest fixtures for tests that send requests to Explo. Enable them in your ``conftest.py``:

    pytest_plugins = ["airflow_provider_explo.emulator.pytest_plugin"]

and then, for instance::

    from airflow_provider_explo.emulator import Fault
    from airflow_provider_explo.hooks.explo import ExploHook

    def test_a_tenant_is_onboarded_despite_a_rate_limit(explo_connection):
        explo_connection.inject(Fault("rate_limit", retry_after=1))

        group = ExploHook().create_user_group(user_group_id="tenant-1", name="Tenant 1")

        assert [(stored.provided_id, stored.token) for stored in explo_connection.groups] == [
            ("tenant-1", group.token)
        ]
        assert [request.status for request in explo_connection.requests] == [429, 200]

Every test gets an emulator of its own, empty, on a free port of this machine, and stopped when the test ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_explo.emulator import ExploEmulator


@pytest.fixture
def explo_emulator() -> Iterator[ExploEmulator]:
    """A running ``ExploEmulator``; nothing else is set."""
    with ExploEmulator() as emulator:
        yield emulator


@pytest.fixture
def explo_connection(explo_emulator: ExploEmulator, monkeypatch: pytest.MonkeyPatch) -> ExploEmulator:
    """The same, and Airflow's connection ``explo_default`` leads to it, with a budget that never slows a test."""
    connection = explo_emulator.connection_json(requests_per_minute=60_000)
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)
    return explo_emulator
