"""Clients of a stand-in for Explo, and what their tests need."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.client.settings import ClientSettings
from tests.client.stand_in import (
    API_TOKEN,
    NO_RATE,
    PROXY_VARIABLES,
    TENANT_TOKEN,
    Clock,
    StandIn,
    assert_refused,
    changed_group,
    create,
    created,
    group,
    respond,
    silent,
    smallest_request,
    tunnel,
    without,
)
from tests.errors import everything_shown, failure


class Kit:
    """The helpers of stand_in.py, as one fixture."""

    API_TOKEN = API_TOKEN
    TENANT_TOKEN = TENANT_TOKEN
    Clock = Clock
    StandIn = StandIn
    respond = staticmethod(respond)
    created = staticmethod(created)
    group = staticmethod(group)
    smallest_request = staticmethod(smallest_request)
    create = staticmethod(create)
    tunnel = staticmethod(tunnel)
    without = staticmethod(without)
    changed_group = staticmethod(changed_group)
    silent = staticmethod(silent)
    assert_refused = staticmethod(assert_refused)
    failure = staticmethod(failure)
    everything_shown = staticmethod(everything_shown)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No proxy, CA bundle or netrc of the machine that runs the tests."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
def stand_in() -> Iterator[Callable[..., StandIn]]:
    running: list[StandIn] = []

    def start(**options: Any) -> StandIn:
        running.append(StandIn(**options))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def explo(stand_in: Callable[..., StandIn]) -> StandIn:
    return stand_in()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_client(explo: StandIn, clock: Clock) -> Iterator[Callable[..., ExploClient]]:
    """Makes clients of the stand-in; time passes only on the fake clock, and every jitter is the longest."""
    made: list[ExploClient] = []

    def make(
        *,
        max_in_flight: int = 1,
        rate_limiter: RateLimiter | None = None,
        max_attempts: int | None = None,
        **settings: Any,
    ) -> ExploClient:
        settings = {"token": API_TOKEN, "base_url": explo.url, "timeout": 5, **settings}
        made.append(
            ExploClient(
                ClientSettings(**settings),
                max_in_flight=max_in_flight,
                rate_limiter=rate_limiter or RateLimiter(NO_RATE, clock=clock, sleep=clock.sleep),
                retry=RetryPolicy(uniform=lambda low, high: high),
                max_attempts=max_attempts,
            )
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[..., ExploClient]) -> ExploClient:
    return new_client()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_explo(authority: trustme.CA, stand_in: Callable[..., StandIn]) -> StandIn:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return stand_in(tls=context)


@pytest.fixture
def ca_bundle(authority: trustme.CA, tmp_path: Any) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def every_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every record of every logger, urllib3's included."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "airflow_provider_explo"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog
