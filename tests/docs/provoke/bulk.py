"""A bulk run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.sql.temporary_database import temporary_database
from airflow_provider_explo.sync import run
from airflow_provider_explo.sync.shutdown import NO_RESPONSE, ShutdownSignal
from tests.docs.provoke.stage import Stage


def bad_rows(stage: Stage) -> Iterator[str]:
    """Some rows rejected, some refused, and no end of it."""
    stage.tenants(("one", "One"), ("two", "Two"), ("bolt", ""), ("acme", "Acme"))
    stage.fault("status", status=400, user_group_id="acme")
    yield stage.error(stage.onboard)


def ended(stage: Stage) -> Iterator[str]:
    """What ended the run, after many bad rows."""
    stage.tenants(*((f"t{number:02}", "" if number < 20 else "T") for number in range(33)))
    stage.emulator.gone = {"create_user_group": 404}
    yield re.sub(r"\d+ of them not sent", "12 of them not sent", stage.error(stage.onboard))


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
    """Requests that fail whoever the tenant is, and a probe that fails too; an endpoint that is gone."""
    stage.tenants(*((f"t{number}", "T") for number in range(9)))
    stage.monkeypatch.setenv(
        "AIRFLOW_CONN_EXPLO_DEFAULT",
        stage.emulator.connection_json(requests_per_minute=60_000, retry_timeout=0.3),
    )
    stage.fault("status", status=503)
    stage.error(lambda: stage.onboard(refresh=False))
    yield from stage.logged(r"\d+ requests in a row failed; [a-z A-Z]+")
    *_, last = (reason for reason in stage.outcomes("failed") if reason.startswith("not sent"))
    yield last
    stage.emulator.clear_faults()
    stage.caplog.clear()
    stage.emulator.gone = {"create_user_group": 404}
    stage.error(stage.onboard)
    *_, last = (reason for reason in stage.outcomes("failed") if reason.startswith("not sent"))
    yield last


def deferred(stage: Stage) -> Iterator[str]:
    """A tenant that goes to the end of the line."""
    stage.tenants(("acme", "Acme"))
    stage.fault("status", status=503, user_group_id="acme", times=1)
    stage.onboard()
    yield from (line for line in stage.log() if "deferred" in line)


def refused_list(stage: Stage) -> Iterator[str]:
    """Explo's list is not for this token."""
    stage.tenants(("acme", "Acme"))
    stage.fault("status", status=403, path="/v2/api/customers/")
    yield stage.error(stage.onboard)
    stage.emulator.clear_faults()
    stage.fault("status", status=401, path="/v2/api/customers/")
    yield stage.error(stage.onboard)


def guarded(stage: Stage) -> Iterator[str]:
    """Plans that change too much."""
    stage.tenants(*((f"t{number:02}", "T") for number in range(20)))
    stage.onboard()
    stage.database("UPDATE tenants SET name = 'T2' WHERE id < 't12'")
    yield stage.error(lambda: stage.onboard(if_exists="update"))
    for number in range(20):
        stage.emulator.delete(f"t{number:02}")
    yield stage.error(stage.onboard)
    stage.database("DELETE FROM tenants")
    yield stage.error(lambda: stage.onboard(if_missing="delete"))


def approved(stage: Stage) -> Iterator[str]:
    """Plans that are none, or no longer fit."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"))
    yield stage.error(lambda: stage.onboard(approved_plan={"rows": 2}))
    plan = stage.onboard(dry_run=True)
    stage.database("UPDATE tenants SET name = 'Bolt Ltd' WHERE id = 'bolt'")
    error = stage.error(lambda: stage.onboard(approved_plan=plan["digest"]))
    yield re.sub(r"digest [0-9a-f]{64}", "digest …", error)
    stage.onboard(approved_plan=plan)
    yield from (line for line in stage.log() if "approved" in line)


def families(stage: Stage) -> Iterator[str]:
    """Parents that are nowhere, or go round."""
    stage.monkeypatch.setenv(
        "AIRFLOW_CONN_EXPLO_DEFAULT", stage.emulator.connection_json(requests_per_minute=60_000, api="customer")
    )
    stage.database(
        "CREATE TABLE tenants (id TEXT, name TEXT, parent TEXT, level TEXT)",
        "INSERT INTO tenants VALUES ('acme', 'Acme', 'bolt', 'User'), ('bolt', 'Bolt', 'acme', 'User'), "
        "('crux', 'Crux', 'holding', 'User')",
    )
    sql = "SELECT id AS user_group_id, name, parent AS parent_provided_id, level AS hierarchy_level_name FROM tenants"
    stage.error(lambda: stage.onboard(sql=sql))
    yield from stage.outcomes("rejected")
    yield from stage.outcomes("failed")


def damaged(stage: Stage) -> Iterator[str]:
    """A tenant who is missing from the query, while a row of it has no usable id."""
    stage.tenants(*((f"t{number}", "T") for number in range(9)), ("acme", "Acme"))
    stage.onboard()
    stage.database("UPDATE tenants SET id = ' acme' WHERE id = 'acme'")
    stage.error(lambda: stage.onboard(if_missing="delete"))
    yield from stage.outcomes("orphaned")


def healed(stage: Stage) -> Iterator[str]:
    """What was changed in Explo since."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"), ("crux", "Crux"), ("dune", "Dune"))
    stage.onboard()
    stage.emulator.delete("acme")
    stage.emulator.edit("bolt", name="By hand")
    stage.database("DELETE FROM tenants WHERE id = 'crux'")
    stage.onboard(if_missing="report")
    yield from stage.outcomes("created")
    yield from stage.outcomes("existing")
    yield from stage.outcomes("orphaned")
    yield from (line for line in stage.log() if "sends what differs" in line)


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
    stage.onboard(refresh=False)
    yield from stage.outcomes("existing")
    stage.error(lambda: stage.onboard(if_exists="fail"))
    stage.error(lambda: stage.onboard(if_exists="fail", refresh=False))
    stage.database("DELETE FROM explo_user_groups", "UPDATE tenants SET name = 'Acme'")
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


def not_saved(stage: Stage) -> Iterator[str]:
    """A run that ends before everything in flight is saved."""
    signal = ShutdownSignal()
    signal.in_flight.update(acme="created", bolt=NO_RESPONSE)
    signal.run(lambda: None)
    yield stage.caplog.messages[-1]


def full(stage: Stage) -> Iterator[str]:
    """A temporary folder without space."""
    database = temporary_database("CREATE TABLE rows (value)")
    database.execute("PRAGMA max_page_count = 2")
    yield stage.error(lambda: database.execute("INSERT INTO rows VALUES (?)", ("x" * 100_000,)))
    database.close()


def logged(stage: Stage) -> Iterator[str]:
    """The log of a good run, and its summary."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"))
    stage.caplog.clear()
    summary = stage.onboard()
    yield "\n".join(line for line in stage.log() if re.match(r"Explo has |Plan: |\d+ rows:", line))
    yield json.dumps(summary)


def planned(stage: Stage) -> Iterator[str]:
    """A dry run."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"))
    stage.onboard()
    stage.emulator.edit("bolt", name="By hand")
    stage.database("INSERT INTO tenants VALUES ('crux', 'Crux'), ('dune', '')")
    stage.emulator.add(provided_id="eel", name="Eel")
    plan = stage.onboard(dry_run=True, if_exists="update")
    yield from stage.logged(r"Dry run: .*?\nPlan: [a-z0-9, ]*[a-z]")
    yield plan["text"]


def forecast(stage: Stage) -> Iterator[str]:
    """How long it takes."""
    with ExploClient(ClientSettings(token="any-token")) as explo:
        yield run._forecast(10_000, explo.requests_per_minute)
