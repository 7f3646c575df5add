"""The page in a running Airflow: who sees it, what of it, and never a secret."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time

import pytest

from tests.conftest import AIRFLOW
from tests.page import tables
from tests.page.conftest import API_TOKEN, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AIRFLOW < (3, 1), reason="the page is for Airflow 3.1 and later"),
]


def test_without_a_login_it_leads_to_the_login(server: Server):
    response = server.get("/explo/?task=a%2Fb")
    assert response.status == 307
    assert response.headers["location"] == "/airflow/api/v2/auth/login?next=%2Fairflow%2Fexplo%2F%3Ftask%3Da%252Fb"
    assert server.get(response.headers["location"].removeprefix("/airflow")).status == 307
    assert "tenant" not in response.text


@pytest.mark.parametrize("token", [None, "", "x.y.z"])
def test_a_program_without_a_login_is_refused(server, token):
    response = server.get("/explo/", token=token, accept="application/json")
    assert response.status in (401, 403)
    assert "broken-" not in response.text


def test_a_user_who_may_not_read_dag_runs_is_refused(server):
    response = server.get("/explo/", user="powerless")
    assert response.status == 403
    assert "This page is for users who may read DAG runs." in response.words
    assert "broken-" not in response.text


@pytest.mark.parametrize("path", ["/explo/docs", "/explo/openapi.json", "/explo/redoc", "/explo/x"])
def test_nothing_else_is_served(server, path):
    assert server.get(path).status == 404


def test_a_user_sees_runs_tenants_and_the_limit(server):
    response = server.get("/explo/", user="viewer")
    assert response.status == 200
    assert "120 tenants: 60 failed, 60 rejected" in response.words
    assert "1 to 50 of 120, latest first" in response.words
    assert "scheduled__52" in response.words
    assert "other_dag/sync" in response.words
    assert "The limit is 250 a minute: requests_per_minute of the connection explo_default." in response.words
    assert "No plan waits for approval." in response.words
    assert 'role="alert"' not in response.text
    assert response.text.count('<svg class="chart"') == 2
    assert "/airflow/dags/explo_sync_tenants/runs/scheduled__52/tasks/sync/mapped/3" in response.text


def test_a_user_sees_only_the_dags_whose_runs_are_theirs_to_read(server):
    for path in (
        "/explo/",
        "/explo/?runs=2&broken=2",
        "/explo/?task=other_dag%2Fsync",
        "/explo/?dag_id=explo_sync_tenants",
    ):
        response = server.get(path, user="partial")
        assert response.status == 200
        assert "other_dag/sync" not in response.text.replace("Only the task <strong>other_dag/sync</strong>", "")
    assert "80 tenants" in server.get("/explo/", user="partial").words


def test_one_task_is_shown_with_its_mapped_tasks(server):
    words = server.get("/explo/?task=explo_sync_tenants%2Fsync", user="viewer").words
    assert "Only the task explo_sync_tenants/sync . Show all tasks" in words
    assert "explo_sync_tenants/sync/3" in words
    assert "other_dag" not in words


def test_pages_lead_to_each_other(server):
    response = server.get("/explo/", user="viewer")
    assert '<a href="?runs=2#runs">Older runs</a>' in response.text
    assert '<a href="?broken=2#broken">Older tenants</a>' in response.text
    last = server.get("/explo/?runs=2&broken=3", user="viewer")
    assert "101 to 120 of 120" in last.words
    assert "Older" not in last.words
    assert '<a href="?broken=3#runs">Newer runs</a>' in last.text
    assert server.get("/explo/?runs=0", user="viewer").status == 422


def test_what_tenants_chose_is_text_and_no_script_of_theirs_could_run(server):
    response = server.get("/explo/", user="viewer")
    assert tables.NASTY not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in response.text
    policy = response.headers["content-security-policy"]
    (nonce,) = re.findall(r"script-src 'nonce-([\w-]+)'", policy)
    assert "default-src 'none'" in policy
    assert re.findall(r"<script[^>]*>", response.text) == [f'<script nonce="{nonce}">']
    assert nonce not in server.get("/explo/", user="viewer").text
    assert response.headers["cache-control"] == "no-store"


def test_nothing_is_loaded_from_elsewhere(server):
    text = server.get("/explo/", user="viewer").text
    assert not re.search(r"<(link|img|iframe|script[^>]* src)|url\(|@import|https?://(?!127\.0\.0\.1)", text)


def test_no_secret_is_in_it(server):
    token = server.token("viewer")
    text = server.get("/explo/", token=token).text
    assert not [secret for secret in (API_TOKEN, token, "eyJ") if secret in text]


def test_it_is_small_and_quick_also_for_several_users_at_once(server):
    token = server.token("viewer")
    server.get("/explo/", token=token)
    sizes, start = [], time.monotonic()
    threads = [
        threading.Thread(target=lambda: sizes.append(len(server.get("/explo/", token=token).text))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 8
    assert max(sizes) < 150_000
    # Of 100,000 rows; some tenths of a second each on a machine with nothing else to do.
    assert time.monotonic() - start < 30


def test_the_menu_has_an_entry(server):
    response = server.get("/api/v2/plugins", user="admin", accept="application/json")
    (plugin,) = [plugin for plugin in json.loads(response.text)["plugins"] if plugin["name"] == "explo"]
    assert [(view["name"], view["href"]) for view in plugin["external_views"]] == [("Explo", "/airflow/explo/")]
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/explo"]


def test_a_database_that_is_away_is_named_and_the_rest_is_shown(server, warehouse_connection):
    path = json.loads(warehouse_connection)["host"]
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE explo_log RENAME TO kept")
        connection.execute("CREATE TABLE explo_log (task TEXT)")
        connection.execute("INSERT INTO explo_log VALUES ('explo_sync_tenants/sync')")
    try:
        response = server.get("/explo/", user="viewer")
    finally:
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE explo_log")
            connection.execute("ALTER TABLE kept RENAME TO explo_log")
    assert response.status == 200
    assert "log table explo_log: reading it" in response.words
    assert "120 tenants" in response.words
    assert "SELECT" not in response.words
