"""An emulator for a whole module, emptied for every test, and a client that knows its token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from airflow_provider_explo.emulator import ApiToken, ExploEmulator

TOKEN = "read-write-token-of-production"
READ_ONLY = "read-only-token-of-production"
TESTING = "read-write-token-of-testing"
SAME_LABEL = "read-write-token-of-staging"

Send = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def running() -> Iterator[ExploEmulator]:
    tokens = [
        ApiToken(READ_ONLY, read_only=True),
        ApiToken(TESTING, visibility_group="testing", environment_tag="Testing"),
        ApiToken(SAME_LABEL, visibility_group="staging"),
    ]
    with ExploEmulator(token=TOKEN, tokens=tokens, hierarchy_levels=("Customer", "Region", "User")) as emulator:
        yield emulator


@pytest.fixture
def explo(running: ExploEmulator) -> ExploEmulator:
    running.reset()
    return running


@pytest.fixture
def send(explo: ExploEmulator) -> Iterator[Send]:
    """``send("POST", path, body)``: a request as Explo documents it; further arguments go to requests."""
    with requests.Session() as session:
        session.trust_env = False

        def request(
            method: str, path: str, body: Any = None, *, token: str = TOKEN, **options: Any
        ) -> requests.Response:
            headers = {"Explo-Authorization": f"Token {token}", "Content-Type": "application/json"}
            return session.request(
                method, explo.url + path, json=body, **{"headers": headers, "allow_redirects": False, **options}
            )

        yield request
