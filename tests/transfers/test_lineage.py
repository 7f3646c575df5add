"""Asset events and OpenLineage's events of real DAG runs; the emulator is Explo."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Asset, AssetAlias

from airflow_provider_explo.tenants.outcome import KINDS
from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.conftest import AIRFLOW_3
from tests.transfers.conftest import SQL, Pushed

URI = "explo://api.explo.co/customers"
EVENTS = "asset_event" if AIRFLOW_3 else "dataset_event"
ASSETS, ASSET_ID = ("asset", "asset_id") if AIRFLOW_3 else ("dataset", "dataset_id")


@pytest.fixture
def events(airflow_home):
    """The extra of each asset event of Explo's customers since the fixture was made."""

    def read(after=0):
        query = (
            f"SELECT e.id, e.extra FROM {EVENTS} e JOIN {ASSETS} a ON a.id = e.{ASSET_ID} WHERE a.uri = ? AND e.id > ?"
        )
        with closing(sqlite3.connect(airflow_home / "airflow.db")) as connection:
            return list(connection.execute(query, (URI, after)))

    last = max((number for number, _ in read()), default=0)
    return lambda: [json.loads(extra) for _, extra in read(last)]


@pytest.fixture
def sync(bulk, explo_connection, airflow_home):
    """The state in which one SqlToExploOperator's task ends. Airflow 2's ``dag.test()`` would keep no asset events."""

    def run(**arguments):
        if AIRFLOW_3:
            return bulk(**arguments).state
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunType

        with DAG("bulk", start_date=datetime(2024, 1, 1), schedule=None) as dag:
            SqlToExploOperator(task_id="sync", sql=SQL, sql_conn_id="warehouse", refresh=False, **arguments)
        DAG.bulk_write_to_db([dag])
        now = datetime.now(timezone.utc)
        with create_session() as session:
            dag_run = dag.create_dagrun(
                DagRunState.RUNNING,
                run_type=DagRunType.MANUAL,
                execution_date=now,
                data_interval=(now, now),
                session=session,
            )
            ti = dag_run.get_task_instance("sync", session=session)
            ti.refresh_from_task(dag.get_task("sync"))
            with contextlib.suppress(AirflowFailException):
                ti.run(ignore_all_deps=True, session=session)
            return str(ti.state)

    return run


def counts(**others):
    return {"changed": 0, "rows": 0, **dict.fromkeys(KINDS, 0), **others}


def test_an_assets_event_holds_counts_and_neither_ids_nor_tokens(sync, database, events):
    database.put(("acme", "Acme"), ("globex", "Globex"), ("bad", ""))
    assert sync(outlets=[Asset(URI)], on_rejected="skip") == "success"
    assert events() == [counts(changed=2, rows=3, created=2, rejected=1)]
    assert sync(outlets=[Asset(URI)], on_rejected="skip") == "success"
    assert events()[1:] == [counts(rows=3, unchanged=2, rejected=1)]


def test_an_alias_has_an_event_only_where_tenants_changed(sync, database, events):
    database.put(("acme", "Acme"))
    assert sync(outlets=[AssetAlias(URI)], dry_run=True) == "success"
    assert events() == []
    assert sync(outlets=[AssetAlias(URI)]) == "success"
    assert sync(outlets=[AssetAlias(URI)]) == "success"
    assert events() == [counts(changed=1, rows=1, created=1)]


def test_a_dry_run_changed_nothing(sync, database, events):
    database.put(("acme", "Acme"))
    assert sync(outlets=[Asset(URI)], dry_run=True) == "success"
    assert events() == [counts()]


def test_a_task_that_fails_has_no_event_and_other_outlets_are_left_alone(sync, database, events):
    database.put(("acme", "Acme"), ("bad", ""))
    assert sync(outlets=[Asset(URI), Asset("s3://bucket/tenants"), AssetAlias("others")]) == "failed"
    assert events() == []
    assert sync(outlets=[Asset("s3://bucket/tenants"), AssetAlias("others")], on_rejected="skip") == "success"
    assert events() == []


@pytest.mark.skipif(find_spec("airflow.providers.openlineage") is not None, reason="the provider is installed")
def test_without_openlineage_there_are_no_facets(airflow_home):
    sync = SqlToExploOperator(task_id="sync", sql="SELECT 1", sql_conn_id="warehouse")
    assert sync.get_openlineage_facets_on_complete(None) is None
    assert ExploToSqlOperator(task_id="copy", sql_conn_id="warehouse").get_openlineage_facets_on_complete(None) is None


def datasets(found):
    return {
        f"{dataset.namespace} {dataset.name}": getattr(dataset, "outputFacets", {})["outputStatistics"].rowCount
        if getattr(dataset, "outputFacets", None)
        else None
        for dataset in found
    }


@pytest.fixture
def openlineage():
    pytest.importorskip("airflow.providers.openlineage", reason="needs OpenLineage's provider")


def test_a_dry_run_reads_everything(openlineage, database, explo_connection, airflow_home):
    database.put(("acme", "Acme"))
    sync = SqlToExploOperator(task_id="sync", sql=SQL, sql_conn_id="warehouse", dry_run=True)
    sync.execute({})
    sent = explo_connection.request_count
    found = sync.get_openlineage_facets_on_complete(None)
    assert datasets(found.inputs) == dict.fromkeys(
        [
            f"sqlite://{database.path} main.tenants",
            f"sqlite://{database.path} main.explo_user_groups",
            f"explo://{explo_connection.url.removeprefix('http://')} customers",
        ]
    )
    assert found.outputs == []
    assert explo_connection.request_count == sent


def test_the_database_says_in_which_schema_a_plain_name_is(openlineage, postgres, airflow_home, monkeypatch):
    url = postgres.database("lineage")
    connection = {"conn_type": "postgres", "host": url.query["host"], "login": url.username, "schema": url.database}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    sync = SqlToExploOperator(
        task_id="sync",
        sql="SELECT id FROM tenants JOIN crm.plans USING (id) WHERE day > :day",
        sql_conn_id="warehouse",
    )
    found = sync.get_openlineage_facets_on_complete(None)
    assert {dataset.name for dataset in found.inputs} == {"lineage.public.tenants", "lineage.crm.plans"}
    assert [dataset.name for dataset in found.outputs] == ["lineage.public.explo_user_groups"]


def test_a_run_that_failed_says_what_it_wrote(openlineage, database, explo_connection, airflow_home):
    database.put(("acme", "Acme"), ("bad", ""))
    sync = SqlToExploOperator(task_id="sync", sql=SQL, sql_conn_id="warehouse")
    with pytest.raises(Exception, match="1 rejected"):
        sync.execute({"ti": Pushed()})
    assert set(datasets(sync.get_openlineage_facets_on_complete(None).outputs).values()) == {1}


def test_what_cannot_be_found_is_left_out(openlineage, airflow_home, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", "explo://:secret%20token@api.explo.co")
    sync = SqlToExploOperator(task_id="sync", sql="SELEC", sql_conn_id="missing", token_conn_id="warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "http://me:secret@host")
    found = sync.get_openlineage_facets_on_complete(None)
    assert (found.inputs, found.outputs) == ([], [])
    assert caplog.text.count("OpenLineage: without") == 3
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"conn_type": "sqlite", "host": "/data/file.db?key=secret"}, "sqlite main.t"),
        ({"conn_type": "sqlite", "host": "me:secret@host"}, "sqlite main.t"),
        ({"conn_type": "sqlite", "host": "db", "password": "secret", "port": 1}, "sqlite://db:1 main.t"),
        (
            {"conn_type": "postgres", "host": "db", "login": "me", "password": "secret", "schema": "prod"},
            "postgres://db:5432 prod.s.t",
        ),
    ],
)
def test_no_password_is_in_a_namespace(openlineage, connection, expected, airflow_home, explo_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    table = "s.t" if connection["conn_type"] == "postgres" else "t"
    copy = ExploToSqlOperator(task_id="copy", sql_conn_id="warehouse", table=table)
    assert list(datasets(copy.get_openlineage_facets_on_complete(None).outputs)) == [expected]


@pytest.mark.slow
def test_openlineage_emits_datasets_and_statistics(openlineage, database, explo_connection, airflow_home, tmp_path):
    database.put(("acme-id", "Acme"), ("umbrella-id", "Umbrella"), ("globex", "Globex"))
    explo_connection.add(provided_id="umbrella-id", name="Umbrella")
    folder, written = Path(__file__).parent / "dags", tmp_path / "events"
    transport = {"type": "file", "log_file_path": str(written), "append": True}
    settings = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
    }
    command = [sys.executable, "-m", "airflow", "dags", "test", "lineage", "2026-03-03"]
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = written.read_text()
    ends = {
        event["job"]["name"]: event
        for event in map(json.loads, text.splitlines())
        if event["eventType"] == "COMPLETE" and "." in event["job"]["name"]
    }
    read, wrote = (
        {
            task: {
                f"{dataset['namespace']} {dataset['name']}": dataset.get("outputFacets", {})
                .get("outputStatistics", {})
                .get("rowCount")
                for dataset in ends[f"lineage.{task}"][side]
            }
            for task in ("sync", "inventory")
        }
        for side in ("inputs", "outputs")
    )
    warehouse, explo = f"sqlite://{database.path}", f"explo://{explo_connection.url.removeprefix('http://')}"
    assert read == {"sync": {f"{warehouse} main.tenants": None}, "inventory": {f"{explo} customers": None}}
    assert wrote == {
        "sync": {f"{warehouse} main.explo_user_groups": 2, f"{explo} customers": 1},
        "inventory": {f"{warehouse} main.explo_customers": 2},
    }
    secrets = [explo_connection.token, *database.tokens().values(), "acme-id", "umbrella-id"]
    assert [secret for secret in secrets if secret in text] == []
