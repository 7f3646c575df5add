"""Every kind of fault, over a real socket."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
import requests

from airflow_provider_explo.emulator import ExploEmulator, Fault
from airflow_provider_explo.emulator.faults import KINDS

from .conftest import Send

CREATE = "/embed/create_user_group/"
BODY = {"user_group_id": "a", "name": "Ä"}


@pytest.mark.parametrize("retry_after", [None, 2, 0.5, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_rate_limit(send: Send, explo: ExploEmulator, retry_after: Any) -> None:
    explo.inject(Fault("rate_limit", retry_after=retry_after))
    response = send("POST", CREATE, BODY)

    assert response.status_code == 429
    assert response.json()["success"] == 0
    assert response.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))
    assert explo.groups == []
    assert send("POST", CREATE, BODY).status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503, 400, 418, 204])
def test_status(send: Send, explo: ExploEmulator, status: int) -> None:
    explo.inject(Fault("status", status=status, retry_after=3))
    response = send("POST", CREATE, BODY)

    assert (response.status_code, response.headers["Retry-After"]) == (status, "3")
    assert response.headers["X-Explo-Emulator-Guess"] == "true"
    assert explo.groups == []
    assert send("POST", CREATE, BODY).status_code == 200


def test_slow_makes_the_change_then_waits(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("slow", seconds=0.2, times=2))
    before = time.monotonic()
    assert send("POST", CREATE, BODY).json()["new_user_group"] is True
    assert time.monotonic() - before >= 0.2

    with pytest.raises(requests.ReadTimeout):
        send("POST", CREATE, {"user_group_id": "b", "name": "B"}, timeout=0.1)
    assert [group.provided_id for group in explo.groups] == ["a", "b"]


@pytest.mark.parametrize(("kind", "made"), [("close_before", 0), ("close_after", 1)])
def test_closed_connections(
    send: Send, explo: ExploEmulator, kind: str, made: int, caplog: pytest.LogCaptureFixture
) -> None:
    explo.inject(Fault(kind, times=2))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            send("POST", CREATE, BODY)

    assert len(explo.groups) == made
    assert [record.status for record in explo.requests] == [None, None]
    assert send("POST", CREATE, BODY).json()["new_user_group"] is not bool(made)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_html(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("html"))
    response = send("POST", CREATE, BODY)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<html" in response.text
    assert explo.groups == []


def test_truncated(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("truncated"))
    response = send("POST", CREATE, BODY)

    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content)
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert len(explo.groups) == 1


def test_cut_off(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("cut_off"))
    response = send("POST", CREATE, BODY, stream=True)
    whole = int(response.headers["Content-Length"])
    half = response.raw.read(whole // 2)

    assert half.startswith(b'{"success":1')
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        list(response.iter_content(1024))
    assert len(explo.groups) == 1


@pytest.mark.parametrize("status", [None, 301, 307])
def test_redirect(send: Send, explo: ExploEmulator, status: int | None) -> None:
    explo.inject(Fault("redirect", status=status, location="https://elsewhere.example/login"))
    response = send("POST", CREATE, BODY)

    assert (response.status_code, response.headers["Location"]) == (status or 302, "https://elsewhere.example/login")
    assert explo.groups == []


def test_wrong_tenant(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("wrong_tenant"))
    group = send("POST", CREATE, BODY).json()["user_group"]

    assert group["provided_id"] != "a"
    assert group["token"] == explo.groups[0].token


def test_no_token(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("no_token", times=2))

    assert "token" not in send("POST", CREATE, BODY).json()["user_group"]
    assert "token" not in send("GET", "/v2/api/customers/").json()["results"]["customers"][0]
    assert len(explo.groups) == 1


def test_refused(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("refused"))
    response = send("POST", CREATE, BODY)

    assert (response.status_code, response.json()["success"]) == (200, 0)
    assert explo.groups == []


def test_oversized(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("oversized"))
    with send("POST", CREATE, BODY, stream=True) as response:
        assert response.status_code == 200
        assert "Content-Length" not in response.headers
        read = sum(len(response.raw.read(1 << 20)) for _ in range(5))

    assert read == 5 << 20
    assert explo.groups == []
    assert send("POST", CREATE, BODY).status_code == 200


def test_oversized_ends_at_64_mib(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("oversized"))
    response = send("POST", CREATE, BODY, stream=True)

    assert 64 << 20 < sum(map(len, response.iter_content(1 << 20))) < 65 << 20


def test_not_json_constant(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("not_json_constant"))

    assert send("POST", CREATE, BODY).text.startswith('{"not_a_number":NaN,"success":1')
    assert len(explo.groups) == 1


def test_other_shape(send: Send, explo: ExploEmulator) -> None:
    explo.inject(Fault("other_shape"))

    assert send("POST", CREATE, BODY).json()[0]["success"] == 1


def test_older_list(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, BODY)
    explo.inject(Fault("older_list", times=2))
    document = send("GET", "/v2/api/customers/").json()

    assert document["count"] == 1
    assert document["results"]["customers"][0]["providedId"] == "a"
    assert send("POST", "/api/get_customer/", {"provided_id": "a"}).json()["customer"]["provided_id"] == "a"


def test_faults_are_taken_in_order_and_only_where_they_match(send: Send, explo: ExploEmulator) -> None:
    token = send("POST", CREATE, BODY).json()["user_group"]["token"]
    explo.inject(Fault("status", status=501, path="/v2/"))
    explo.inject(Fault("status", status=502, user_group_id="a", times=3))
    explo.inject(Fault("status", status=503, times=None))

    assert send("POST", CREATE, {"user_group_id": "b", "name": "B"}).status_code == 503
    assert send("POST", "/api/get_customer/", {"provided_id": "a"}).status_code == 502
    assert send("POST", "/api/refresh_customer_token/", {"current_token": token}).status_code == 502
    assert send("POST", CREATE, BODY).status_code == 502
    assert [send("GET", "/v2/api/customers/").status_code for _ in range(4)] == [501, 503, 503, 503]
    explo.clear_faults()
    assert send("GET", "/v2/api/customers/").status_code == 200


def test_every_kind_is_harmless_to_the_next_request(send: Send, explo: ExploEmulator) -> None:
    needed: dict[str, dict[str, Any]] = {
        "status": {"status": 500},
        "slow": {"seconds": 0},
        "redirect": {"location": "/"},
    }
    for kind in KINDS:
        explo.inject(Fault(kind, **needed.get(kind, {})))
        try:
            send("GET", "/v2/api/customers/", stream=True).close()
        except requests.ConnectionError:
            assert kind.startswith("close")
        assert send("GET", "/v2/api/customers/").json() == {"total_count": 0, "results": {"customers": []}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "explode"}, "kind must be one of rate_limit, status, slow"),
        ({"kind": "html", "times": 0}, "times"),
        ({"kind": "html", "times": True}, "times"),
        ({"kind": "html", "status": 500}, "takes no status"),
        ({"kind": "status"}, "needs status"),
        ({"kind": "status", "status": 99}, "status must be"),
        ({"kind": "slow"}, "needs seconds"),
        ({"kind": "slow", "seconds": -1}, "seconds must be"),
        ({"kind": "slow", "seconds": "1"}, "seconds must be"),
        ({"kind": "redirect"}, "needs location"),
        ({"kind": "redirect", "location": "/", "status": 200}, "status of a redirect"),
        ({"kind": "redirect", "location": "/\r\nX: y"}, "location"),
        ({"kind": "rate_limit", "retry_after": "1\n"}, "retry_after"),
        ({"kind": "html", "path": 1}, "path must be text"),
    ],
)
def test_a_mistake_in_a_fault_is_named(send: Send, explo: ExploEmulator, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault(**fields)
    response = send("POST", "/_emulator/faults", fields)
    assert response.status_code == 422
    assert message in response.json()["detail"]
