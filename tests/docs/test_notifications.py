"""The callbacks of the documentation, as they are there, in DAG runs, against servers on this machine."""

from __future__ import annotations

import email
import email.policy
import json
import runpy
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import pytest

from airflow_provider_explo.emulator import Fault
from tests.client.conftest import StandIn
from tests.conftest import AIRFLOW
from tests.docs import dags
from tests.docs.blocks import blocks

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"
SECRET = "T00000000/B00000000/XXXXXXXX"


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of SMTP (RFC 5321) as delivering takes."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Delivery)
        self.mails = []


class Delivery(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 ready")
        while words := self.rfile.readline().decode().split():
            verb = words[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
            self.say("221 bye" if verb == "QUIT" else "250 ok")

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


def put(warehouse, *tenants):
    with closing(sqlite3.connect(warehouse)) as database, database:
        database.executemany("INSERT INTO tenants (tenant_id, name) VALUES (?, ?)", tenants)


@pytest.fixture
def slack(monkeypatch) -> Iterator[StandIn]:
    server = StandIn()
    server.will(OK, OK)
    connection = {"conn_type": "http", "host": f"{server.url}/services", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_WEBHOOK", json.dumps(connection))
    yield server
    server.stop()


@pytest.fixture
def mailbox(monkeypatch) -> Iterator[Mailbox]:
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        extra = {"from_email": "airflow@example.com", "disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.server_address[1], "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield server
        server.shutdown()


@pytest.fixture
def run_documented(run_dag, warehouse, tmp_path, explo_connection):
    """Run the documented DAG of this name, with these tenants."""
    put(warehouse, ("acme", "A"), ("<!here>", "B\x07"))

    def run(dag_id):
        (block,) = (one for one in blocks("python") if f'DAG("{dag_id}"' in one.code)
        assert block.place.startswith("docs/notifications.md")
        return run_dag(dags.found_in(block.code, tmp_path)[dag_id])

    return run


@pytest.mark.filterwarnings("ignore")
def test_slack_gets_the_page_of_a_run_that_failed(run_documented, slack, explo_connection):
    explo_connection.gone = {"create_user_group": 404}
    run = run_documented("notify_slack")
    assert run.state == "failed"
    (request,) = slack.received
    assert (request.method, request.target) == ("POST", f"/services/{SECRET}")
    (block,) = request.json["blocks"]
    text = run.xcom("sync")["text"]
    assert block == {"type": "markdown", "text": f"**{request.json['text']}**\n\n{text}"}
    assert "this ended the run; failed: 1 row" in text
    assert "`'<!here>'`" in text
    assert "<!here>" not in request.json["text"]
    assert SECRET not in run.log


@pytest.mark.skipif((3, 0) <= AIRFLOW < (3, 3), reason="its dag.test() gives a callback no exception")
@pytest.mark.filterwarnings("ignore")
def test_slack_gets_the_error_of_a_run_without_rows(run_documented, slack, explo_connection):
    explo_connection.inject(Fault("status", status=403, path="/v2/api/customers/", times=None))
    run_documented("notify_slack")
    (request,) = slack.received
    assert "Explo's list of customers cannot be read" in request.json["blocks"][0]["text"]


@pytest.mark.filterwarnings("ignore")
def test_a_callback_for_what_ended_the_run(run_dag, warehouse, explo_connection, tmp_path):
    from airflow.providers.common.compat.sdk import DAG

    from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

    (block,) = (one for one in blocks("python") if "def only_what_ended_the_run" in one.code)
    # From a file: Airflow 3.0 reads the source of a callback.
    (tmp_path / "documented.py").write_text(block.code)
    names = runpy.run_path(str(tmp_path / "documented.py"))
    put(warehouse, ("acme", "A"), ("bad", ""))
    explo_connection.gone = {"create_user_group": 404}
    with DAG("ended", start_date=datetime(2026, 3, 1), schedule=None) as dag:
        SqlToExploOperator(
            task_id="sync",
            sql="SELECT tenant_id AS user_group_id, name FROM tenants",
            sql_conn_id="warehouse",
            on_failure_callback=names["only_what_ended_the_run"],
        )
    log = run_dag(dag).log
    assert "POST /embed/create_user_group/: HTTP 404, this endpoint does not exist 404 1 set api: customer" in log
    assert "not only spaces, no control characters None" not in log


@pytest.mark.filterwarnings("ignore")
def test_mail_has_the_page_as_text(run_documented, mailbox, warehouse):
    run = run_documented("notify_by_mail")
    assert run.state == "failed"
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Explo: notify_by_mail.sync failed"
    assert (mail["From"], mail["To"]) == ("airflow@example.com", "data-team@example.com")
    body = mail.get_body().get_content()
    assert "1 created" in body
    assert "&lt;!here&gt;" in body
    assert "<!here>" not in body


@pytest.mark.filterwarnings("ignore")
def test_mail_of_a_run_that_succeeded_has_its_counts(run_documented, mailbox, warehouse):
    with closing(sqlite3.connect(warehouse)) as database, database:
        database.execute("DELETE FROM tenants WHERE tenant_id = '<!here>'")
    assert run_documented("notify_by_mail").state == "success"
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Explo: notify_by_mail.sync succeeded"
    assert "**1 row: 1 created" in mail.get_body().get_content()
