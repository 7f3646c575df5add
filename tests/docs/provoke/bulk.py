"""A bulk run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.sync import run
from airflow_provider_explo.sync.shutdown import ShutdownSignal
from tests.docs.provoke.stage import Stage


def bad_rows(stage: Stage) -> Iterator[str]:
    """Some rows rejected, some refused, and no end of it."""
    stage.tenants(("one", "One"), ("two", "Two"), ("bolt", ""), ("acme", "Acme"))
    stage.fault("status", status=400, user_group_id="acme")
    yield stage.error(stage.onboard)


def unreachable(stage: Stage) -> Iterator[str]:
    """Explo is unavailable: what a retry may fix."""
    stage.tenants(("one", "One"), ("acme", "Acme"))
    stage.monkeypatch.setenv(
        "AIRFLOW_CONN_EXPLO_DEFAULT",
        stage.emulator.connection_json(requests_per_minute=60_000, retry_timeout=0.3),
    )
    stage.fault("status", status=503, user_group_id="acme")
    yield stage.error(stage.onboard)


def given_up(stage: Stage) -> Iterator[str]:
    """Five requests in a row that fail alike."""
    stage.tenants(*((f"t{number}", "T") for number in range(9)), ("acme", "Acme"))
    stage.fault("status", status=401)
    stage.error(stage.onboard)
    *_, last = (reason for reason in stage.outcomes("failed") if reason.startswith("not sent"))
    yield re.sub(r"tenant 't\d'", "tenant 'acme'", last)


def duplicates(stage: Stage) -> Iterator[str]:
    """A tenant who comes more than once."""
    stage.tenants(("acme", "Acme"), ("acme", "Acme GmbH"), ("bolt", ""), ("bolt", ""))
    stage.error(stage.onboard)
    yield from (reason for reason in stage.outcomes("rejected") if "row" in reason)


def changed(stage: Stage) -> Iterator[str]:
    """A tenant whose row differs from what was sent before."""
    stage.tenants(("acme", "Acme"))
    stage.onboard()
    stage.database("UPDATE tenants SET name = 'Acme GmbH'")
    stage.onboard()
    yield from stage.outcomes("existing")
    stage.error(lambda: stage.onboard(if_exists="fail"))
    yield from stage.outcomes("failed")


def drifted(stage: Stage) -> Iterator[str]:
    """A tenant who is in Explo with other content, and not in the token table."""
    stage.tenants(("acme", "Acme"))
    stage.onboard()
    stage.database("DELETE FROM explo_user_groups", "UPDATE tenants SET name = 'Acme GmbH'")
    stage.caplog.clear()
    stage.onboard()
    yield from stage.outcomes("existing")


def terminated(stage: Stage) -> Iterator[str]:
    """Airflow terminates the task."""
    signal = ShutdownSignal()
    signal.set()
    yield stage.error(signal.raise_if_set)


def logged(stage: Stage) -> Iterator[str]:
    """The log of a good run, and its summary."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"))
    stage.caplog.clear()
    summary = stage.onboard()
    yield from (line for line in stage.log() if re.match(r"Plan: |\d+ rows:", line))
    yield json.dumps(summary)


def planned(stage: Stage) -> Iterator[str]:
    """A dry run."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"))
    stage.onboard(sql="SELECT id AS user_group_id, name FROM tenants WHERE id = 'acme'")
    stage.database("INSERT INTO tenants VALUES ('crux', '')")
    stage.onboard(dry_run=True)
    yield from stage.logged(r"Dry run: .*?\nPlan: [a-z0-9, ]*[a-z]")


def forecast(stage: Stage) -> Iterator[str]:
    """How long it takes."""
    with ExploClient(ClientSettings(token="any-token")) as explo:
        yield run._forecast(10_000, explo.requests_per_minute)
