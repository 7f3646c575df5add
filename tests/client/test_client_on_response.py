"""What a client reports of each attempt."""

from __future__ import annotations

import pytest

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import ExploRefusedError


def test_each_attempt_with_its_status_and_seconds(explo_emulator):
    seen = []
    settings = ClientSettings(base_url=explo_emulator.url, token=explo_emulator.token, requests_per_minute=60_000)
    retry = RetryPolicy(uniform=lambda low, high: 0.0)
    for fault in (Fault("rate_limit", retry_after="0"), Fault("close_after"), Fault("status", status=503)):
        explo_emulator.inject(fault)
    with ExploClient(settings, retry=retry, on_response=lambda *arguments: seen.append(arguments)) as client:
        client.create_user_group(user_group_id="acme", name="Acme")
        explo_emulator.inject(Fault("status", status=400))
        with pytest.raises(ExploRefusedError):
            client.create_user_group(user_group_id="acme", name="Acme")
    assert [status for status, _ in seen] == [429, None, 503, 200, 400]
    assert all(0 <= seconds < 10 for _, seconds in seen)
