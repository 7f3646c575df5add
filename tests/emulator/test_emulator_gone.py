"""Endpoints that are retired, from Python, through the admin API and on the command line."""

from __future__ import annotations

import subprocess

import pytest
import requests

from airflow_provider_explo.emulator import ExploEmulator, Fault

from .conftest import Send
from .test_emulator_server import COMMAND, ENVIRONMENT

CREATE = "/embed/create_user_group/"
LIST = "/v2/api/customers/"
BODY = {"user_group_id": "a", "provided_id": "a", "name": "A"}


@pytest.mark.parametrize("status", [404, 405, 410])
def test_by_name(send: Send, explo: ExploEmulator, status: int) -> None:
    explo.gone = {"create_user_group": status}

    for path in (CREATE, "/api/create_user_group/"):
        response = send("POST", path, BODY)
        assert (response.status_code, response.json()["success"], response.json()["guess"]) == (status, 0, True)
    assert explo.groups == []
    assert [record.status for record in explo.requests] == [status, status]
    assert send("POST", "/api/create_customer/", BODY).status_code == 200


def test_by_path(send: Send, explo: ExploEmulator) -> None:
    explo.gone = ["/embed/", "customers"]

    assert explo.gone == {"/embed/": 404, "customers": 404}
    assert send("POST", CREATE, BODY).status_code == 404
    assert send("GET", LIST).status_code == 404
    assert send("POST", "/api/create_user_group/", BODY).status_code == 200
    explo.gone = ()
    assert send("POST", CREATE, BODY).status_code == 200


@pytest.mark.parametrize("status", [301, 302, 308])
def test_everything_redirects_to_the_successor(send: Send, explo: ExploEmulator, status: int) -> None:
    explo.gone = {"/": status}
    response = send("POST", CREATE, BODY)

    assert (response.status_code, response.headers["Location"]) == (status, "https://omni.co/explo")
    assert send("GET", "/").status_code == 200
    assert send("GET", "/_emulator/requests").json()["by_status"] == {str(status): 1}


def test_a_gone_endpoint_uses_up_no_fault_and_needs_no_token(send: Send, explo: ExploEmulator) -> None:
    explo.gone = {"create_user_group": 410}
    explo.inject(Fault("html"))

    assert send("POST", CREATE, BODY, token="unknown").status_code == 410
    assert "text/html" in send("GET", LIST).headers["Content-Type"]


def test_over_http(send: Send, explo: ExploEmulator) -> None:
    assert send("PUT", "/_emulator/gone", {"/embed/": 410}).json() == {"/embed/": 410}
    assert send("POST", CREATE, BODY).status_code == 410
    assert "<dt>Gone</dt><dd>/embed/</dd>" in send("GET", "/").text
    refused = send("PUT", "/_emulator/gone", {"/embed/": 200})
    assert (refused.status_code, "must be one of" in refused.json()["detail"]) == (422, True)
    for body in ("customers", 5, None, {"a": "404"}):
        assert send("PUT", "/_emulator/gone", body).status_code == 422
    assert explo.gone == {"/embed/": 410}
    assert send("PUT", "/_emulator/gone", {}).json() == {}
    assert send("POST", CREATE, BODY).status_code == 200


def test_reset_restores_what_was_gone_at_the_start() -> None:
    with ExploEmulator(gone=["group_tags"]) as explo:
        explo.gone = ["customers"]
        explo.reset()
        assert explo.gone == {"group_tags": 404}


def test_on_the_command_line() -> None:
    options = ["--port", "0", "--token", "t", "--gone", "create_user_group", "--gone", "/api/=302"]
    options += [
        "--max-page-size",
        "7",
        "--hierarchy-levels",
        "Company,Team",
        "--data-source",
        "1",
        "--data-source",
        "2",
    ]
    headers = {"Explo-Authorization": "Token t", "Content-Type": "application/json"}
    with subprocess.Popen(COMMAND + options, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        rows = [{"provided_id": str(number), "mapping": {"1": "2"}} for number in range(9)]
        added = requests.post(f"{url}/_emulator/groups", json=rows, timeout=10)
        refused = requests.post(
            f"{url}/_emulator/groups", json=[{"provided_id": "x", "mapping": {"1": "3"}}], timeout=10
        )
        listed = requests.get(f"{url}{LIST}?page_size=1000", headers=headers, timeout=10).json()
        statuses = [
            requests.post(url + path, json=BODY, headers=headers, timeout=10, allow_redirects=False).status_code
            for path in (CREATE, "/api/create_customer/")
        ]
        process.terminate()

    assert added.json() == {"count": 9}
    assert refused.status_code == 422
    assert (listed["total_count"], len(listed["results"]["customers"])) == (9, 7)
    assert listed["results"]["customers"][0]["hierarchy_level"] == "Company"
    assert statuses == [404, 302]


@pytest.mark.parametrize("option", ["--gone=customers=500", "--gone=customers=x", "--max-page-size=0"])
def test_a_mistake_on_the_command_line(option: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--port", "0", option], capture_output=True, text=True, env=ENVIRONMENT, timeout=20
    )

    assert done.returncode == 1
    assert done.stderr.startswith("python -m airflow_provider_explo.emulator: ")
    assert "Traceback" not in done.stderr
