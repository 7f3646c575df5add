"""Explo, or something in its place, responds with anything but a success."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.settings import ClientSettings
from tests.client.conftest import created, group, respond
from tests.docs.provoke.stage import Stage

# Of the emulator's kinds of faults, those that the client accepts, that belong to a list, or that take two tenants.
NO_ERROR = {"older_list", "shared_token", "short_list"}


def statuses(stage: Stage) -> Iterator[str]:
    """By HTTP status."""
    for status in (401, 403, 400, 404, 503):
        stage.emulator.clear_faults()
        stage.fault("status", status=status)
        yield stage.create()
    stage.emulator.clear_faults()
    stage.fault("status", status=404)
    yield stage.create(api="customer")
    yield stage.create(stage.server(respond(status=777)).url)
    yield stage.create(stage.server(respond(b"<html>", status=403, headers={"Content-Type": "text/html"})).url)


def faults(stage: Stage) -> Iterator[str]:
    """By the emulator's kind of fault, all of them."""
    from airflow_provider_explo.emulator.faults import KINDS

    options: dict[str, dict[str, Any]] = {
        "status": {"status": 503},
        "slow": {"seconds": 1},
        "redirect": {"location": "https://login.example.com/sso"},
    }
    for kind in KINDS.keys() - NO_ERROR:
        stage.emulator.clear_faults()
        stage.fault(kind, **options.get(kind, {}))
        yield stage.create(timeout=0.3 if kind == "slow" else 5)


def redirects(stage: Stage) -> Iterator[str]:
    """To nowhere, and to Explo's successor."""
    yield stage.create(stage.server(respond(status=302)).url)
    yield stage.create(stage.server(respond(status=301, headers={"Location": "https://omni.co/explo"})).url)


def bodies(stage: Stage) -> Iterator[str]:
    """200, and something else than what is documented."""
    yield stage.create(stage.server(respond(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})).url)
    for body in (
        {},
        {"success": 1, "new_user_group": True},
        created(user_group={**group(), "provided_id": None}),
        created(user_group={**group(), "name": 7}),
        created(new=None),
        json.loads("[]"),
    ):
        yield stage.create(stage.server(respond(body)).url)


def endless(stage: Stage) -> Iterator[str]:
    """A body that comes, and comes, and does not end."""

    def drip(request: Any, connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not server.stopping.wait(0.05):
            connection.sendall(b" ")

    server = stage.server(*[drip] * 20)
    yield stage.create(server.url, timeout=5)


def pauses(stage: Stage) -> Iterator[str]:
    """A 429 that asks for a longer pause than any request may take."""
    stage.fault("rate_limit", retry_after=900)
    settings = ClientSettings(token=stage.emulator.token, base_url=stage.emulator.url, requests_per_minute=60_000)
    with ExploClient(settings) as client:
        for _ in range(2):
            yield stage.error(lambda: client.create_user_group(user_group_id="acme", name="Acme"))


def updates(stage: Stage) -> Iterator[str]:
    """Of a tenant who is not there, and of a field that only the Customer API has."""
    settings = ClientSettings(token=stage.emulator.token, base_url=stage.emulator.url)
    with ExploClient(settings) as client:
        yield stage.error(lambda: client.update_user_group(user_group_id="acme", name="Acme"))
        yield stage.error(lambda: client.update_user_group(user_group_id="acme", emails=["a@example.com"]))


def not_json(stage: Stage) -> Iterator[str]:
    """Data that only a caller of the hook can hand over unchecked."""
    settings = ClientSettings(token=stage.emulator.token, base_url=stage.emulator.url)
    with ExploClient(settings) as client:
        properties = {"since": date(2026, 3, 3)}
        yield stage.error(lambda: client.create_user_group(user_group_id="acme", name="Acme", properties=properties))


def retried(stage: Stage) -> Iterator[str]:
    """What the log says of an attempt after which there is another."""
    stage.fault("rate_limit", retry_after=1, times=1)
    settings = ClientSettings(token=stage.emulator.token, base_url=stage.emulator.url, requests_per_minute=60_000)
    with ExploClient(settings) as client:
        client.create_user_group(user_group_id="acme", name="Acme")
    yield from (line for line in stage.log() if "attempt 1 failed" in line)
