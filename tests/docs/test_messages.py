"""Every message that the documentation shows is what the code says."""

from __future__ import annotations

import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_explo.client.api import ExploClient
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.hooks.explo import ExploHook
from airflow_provider_explo.onboarding.apply import get_or_create
from airflow_provider_explo.onboarding.tenant import TenantRules
from airflow_provider_explo.operators.telling import tell
from airflow_provider_explo.transfers.bulk import BulkRun
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from airflow_provider_explo.transfers.stop import Stop
from tests.docs.blocks import blocks
from tests.transfers.child import TaskInstance

SHOWN = {block.text.strip(): block.place for block in blocks("text")}
FAULTS = [
    Fault("rate_limit", times=None),
    Fault("status", status=400, times=None),
    Fault("status", status=401, times=None),
    Fault("status", status=503, times=None),
    Fault("slow", seconds=2, times=None),
    Fault("close_before", times=None),
    Fault("html", times=None),
    Fault("redirect", location="https://login.example.com/sso", times=None),
    Fault("no_token", times=None),
    Fault("wrong_tenant", times=None),
    Fault("refused", times=None),
]


@pytest.fixture
def shown(record_property):
    """Whether a message is in the documentation, where the emulator is called by Explo's name."""

    def find(message):
        told = re.sub(r"127\.0\.0\.1:\d+|explo\.invalid", "api.explo.co", str(message))
        assert told in SHOWN, told
        found.add(told)

    return find


found: set[str] = set()


def client(url: str, token: str) -> ExploClient:
    return ExploClient(
        ClientSettings(token=token, base_url=url, timeout=1, retry_timeout=1, requests_per_minute=60_000)
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status or ''}")
def test_explo_answers_otherwise(shown, explo_emulator, fault):
    explo_emulator.inject(fault)
    with client(explo_emulator.url, explo_emulator.token) as explo, pytest.raises(ExploError) as error:
        explo.create_user_group(user_group_id="acme", name="Acme")
    shown(error.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://explo.invalid"])
def test_explo_does_not_answer(shown, url):
    with client(url, "any-token") as explo, pytest.raises(ExploError) as error:
        explo.create_user_group(user_group_id="acme", name="Acme")
    shown(error.value)


def test_explo_speaks_no_tls(shown, explo_emulator):
    with (
        client(explo_emulator.url.replace("http:", "https:"), "any-token") as explo,
        pytest.raises(ExploError) as error,
    ):
        explo.create_user_group(user_group_id="acme", name="Acme")
    shown(error.value)


def test_a_group_that_should_not_be_there(shown, explo_connection):
    tenant = TenantRules().tenant(user_group_id="acme", name="Acme")
    get_or_create(tenant, ExploHook(), if_exists="fail")
    with pytest.raises(ExploError) as error:
        get_or_create(tenant, ExploHook(), if_exists="fail")
    shown(error.value)


def test_a_task_that_is_ended(shown):
    stop = Stop()
    stop.now()
    with pytest.raises(ExploError) as error:
        stop.check()
    shown(error.value)


def test_a_bad_tenant(shown):
    rules = TenantRules(properties_schema={"required": ["plan"], "properties": {"plan": {"enum": ["free", "team"]}}})
    with pytest.raises(ExploError) as error:
        rules.tenant(user_group_id="acme", name="", mapping={"orders": 213}, properties={"plan": "gold"})
    shown(error.value)


@pytest.mark.parametrize(
    "connection",
    [None, '{"conn_type": "explo", "host": "http://explo.example.com", "extra": {"timeout": "soon"}}'],
)
def test_a_connection(shown, airflow_home, monkeypatch, connection):
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", connection)
    with pytest.raises(ExploError) as error:
        ExploHook().get_conn()
    shown(error.value)


def onboard(path: Path, *rows: tuple[str, str], sql: str = "SELECT id AS user_group_id, name FROM tenants") -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE tenants (id TEXT, name TEXT)")
        database.executemany("INSERT INTO tenants VALUES (?, ?)", rows)
    SqlToExploOperator(task_id="onboard", sql=sql, sql_conn_id="warehouse", max_in_flight=1).execute(
        {"ti": TaskInstance()}
    )


@pytest.fixture
def warehouse(tmp_path, monkeypatch, airflow_home) -> Path:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{tmp_path}/warehouse.db")
    return tmp_path / "warehouse.db"


def test_a_bulk_run_with_bad_rows(shown, explo_connection, warehouse):
    explo_connection.inject(Fault("status", status=400, user_group_id="acme", times=None))
    with pytest.raises(AirflowFailException) as error:
        onboard(warehouse, ("one", "One"), ("two", "Two"), ("bolt", ""), ("acme", "Acme"))
    shown(error.value)


def test_a_bulk_run_that_is_given_up(shown, explo_connection, warehouse, caplog):
    explo_connection.inject(Fault("status", status=401, times=None))
    with pytest.raises(AirflowFailException):
        onboard(warehouse, *((f"t{number}", "T") for number in range(9)), ("acme", "Acme"))
    last = [record.getMessage() for record in caplog.records if "row 10, tenant 'acme', failed" in record.getMessage()]
    reason = re.sub(r"tenant 't\d'", "tenant 'acme'", last[0].partition("failed: ")[2])
    shown(reason)


def test_a_query_without_the_columns(shown, explo_connection, warehouse):
    with pytest.raises(AirflowFailException) as error:
        onboard(warehouse, ("acme", "Acme"), sql="SELECT id AS tenant_id, name FROM tenants")
    shown(error.value)


def test_a_token_table_without_the_columns(shown, explo_connection, warehouse):
    with closing(sqlite3.connect(warehouse)) as database:
        database.execute(
            "CREATE TABLE explo_user_groups (user_group_id TEXT, name TEXT, content_hash TEXT, created_at TEXT, "
            "updated_at TEXT)"
        )
    with pytest.raises(AirflowFailException) as error:
        onboard(warehouse, ("acme", "Acme"))
    shown(error.value)


def test_drift_and_how_long_it_takes(shown, explo_connection, caplog):
    hook = ExploHook()
    for name in ("Acme", "Acme GmbH"):
        tenant = TenantRules().tenant(user_group_id="acme", name=name)
        onboarded = get_or_create(tenant, hook, if_exists="keep")
    tell(logging.getLogger("docs"), tenant, onboarded)
    shown(caplog.records[-1].getMessage())
    with ExploClient(ClientSettings(token="any-token")) as explo:
        shown(BulkRun._forecast(10_000, explo))


def test_no_other_message_is_shown():
    assert {place for text, place in SHOWN.items() if text not in found} == set()
