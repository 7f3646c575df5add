"""The admin endpoints, the page, and what they must not show."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_explo.emulator import ExploEmulator, Fault
from airflow_provider_explo.emulator.records import mask, mask_tokens
from airflow_provider_explo.emulator.state import RateLimiter

from .conftest import READ_ONLY, SAME_LABEL, TESTING, TOKEN, Send

CREATE = "/embed/create_user_group/"
NASTY = '"O\'Hara" <script>alert(1)</script> & 株式会社 🐙'


def test_faults_over_http(send: Send, explo: ExploEmulator) -> None:
    added = send("POST", "/_emulator/faults", {"kind": "status", "status": 503, "times": None})
    assert (added.status_code, added.json()["kind"], added.json()["times"]) == (200, "status", None)
    assert send("GET", "/v2/api/customers/").status_code == 503
    assert send("DELETE", "/_emulator/faults").json() == {"cleared": 1}
    assert send("GET", "/v2/api/customers/").status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "as a JSON object"),
        ({}, "needs kind"),
        ({"kind": "html", "colour": 1, "at": 2}, "a fault has no at, colour"),
    ],
)
def test_mistakes_in_a_fault_over_http(send: Send, body: object, message: str) -> None:
    response = send("POST", "/_emulator/faults", body)

    assert response.status_code == 422
    assert message in response.json()["detail"]
    assert send("POST", "/_emulator/faults", None, data="{").status_code == 422
    assert send("POST", "/_emulator/nothing", {}).status_code == 404
    assert send("PUT", "/_emulator/faults", {}).status_code == 405


def test_requests_are_counted_and_admin_is_not(send: Send, explo: ExploEmulator) -> None:
    token = send("POST", CREATE, {"user_group_id": "a", "name": "A"}).json()["user_group"]["token"]
    send("POST", "/api/refresh_customer_token/", {"current_token": token})
    send("POST", CREATE, None, data="{")
    explo.inject(Fault("close_after"))
    with pytest.raises(requests.ConnectionError):
        send("GET", "/v2/api/customers/")
    send("GET", "/")

    shown = send("GET", "/_emulator/requests").json()

    assert (shown["count"], shown["by_status"]) == (4, {"200": 2, "400": 1, "closed": 1})
    assert explo.request_count == 4
    assert [
        (record.method, record.path, record.provided_id, record.status, record.fault) for record in explo.requests
    ] == [
        ("POST", CREATE, "a", 200, None),
        ("POST", "/api/refresh_customer_token/", "a", 200, None),
        ("POST", CREATE, None, 400, None),
        ("GET", "/v2/api/customers/", None, None, "close_after"),
    ]
    assert explo.requests[0].user_group_id == "a"
    assert explo.requests[0].body == {"user_group_id": "a", "name": "A"}
    assert explo.requests[1].body == {"current_token": mask(token)}
    assert shown["requests"][1]["body"] == {"current_token": mask(token)}
    assert [record.at for record in explo.requests] == sorted(record.at for record in explo.requests)


def test_reset(send: Send, explo: ExploEmulator) -> None:
    send("POST", "/api/create_group_tag/", {"name": "gold"})
    send("POST", CREATE, {"user_group_id": "a", "name": "A"})
    explo.inject(Fault("html"))

    assert send("POST", "/_emulator/reset?what=requests").json() == {"reset": "requests"}
    assert (explo.request_count, len(explo.groups)) == (0, 1)
    assert send("POST", "/_emulator/reset?what=else").status_code == 422
    assert send("POST", "/_emulator/reset").json() == {"reset": "all"}
    assert explo.groups == []
    assert send("GET", "/api/group_tags/").json()["group_tags"] == []


def test_nothing_shows_a_whole_token(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, {"user_group_id": NASTY, "name": NASTY, "properties": {"api_token": TESTING}})
    send("POST", CREATE, {"user_group_id": "t", "name": "T"}, token=TESTING)
    send("POST", "/api/refresh_customer_token/", {"current_token": explo.groups[0].token})
    send("DELETE", "/api/delete_customer/", {"current_token": explo.groups[1].token}, token=TESTING)
    send("POST", "/api/generate_jwt/", {"provided_id": NASTY, "embed_id": "d"})
    tokens = [TOKEN, READ_ONLY, TESTING, SAME_LABEL, *(group.token for group in explo.groups)]

    seen = [send("GET", path).text for path in ("/", "/_emulator/requests", "/_emulator/groups")]

    for text in [*seen, repr(explo.requests), repr(explo)]:
        assert not any(token in text for token in tokens)
    assert explo.groups[0].token not in repr(explo.groups)
    assert send("GET", "/_emulator/groups").json()["groups"][0]["token"] == mask(explo.groups[0].token)


def test_the_page_escapes_and_fetches_nothing(send: Send, explo: ExploEmulator) -> None:
    send("POST", CREATE, {"user_group_id": NASTY, "name": NASTY, "mapping": {NASTY: NASTY}})
    explo.inject(Fault("html", times=None))
    send("GET", "/v2/api/customers/")
    response = send("GET", "/")

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "<script" not in response.text
    assert "http://" not in response.text
    assert "https://" not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 株式会社 🐙" in response.text
    assert f"<code>{mask(explo.groups[0].token)}</code>" in response.text
    send("DELETE", "/api/delete_customer/", {"current_token": explo.groups[0].token})
    assert mask(explo.groups[0].token) + "&#34;}</code>" in send("GET", "/").text


def test_any_request_can_be_shown(send: Send) -> None:
    send("POST", CREATE, {"user_group_id": "\ud800", "name": "\ud800", "properties": {"\ud800": 1}})
    send("POST", CREATE, {"user_group_id": "a", "name": "A", "properties": {"\ud800": [1e300, 10**40]}})

    for path in ("/", "/_emulator/requests", "/_emulator/groups"):
        assert send("GET", path).status_code == 200


def test_the_page_says_when_it_holds_more_than_it_shows(send: Send) -> None:
    assert send("GET", "/").text.count("None yet.") == 2
    for number in range(201):
        send("POST", CREATE, {"user_group_id": str(number), "name": "N"})

    page = send("GET", "/").text

    assert "the last 200 of 201" in page
    assert "the last 50 of 201" in page


def test_masking() -> None:
    assert mask("abcdefghijklmnopqrst") == "abcd…"
    assert mask("short") == "…"
    body = {"current_token": "abcdefghijklmnopqrst", "list": [{"Token": 5}], "token_map": {"x": "y"}, "name": "token"}
    assert mask_tokens(body) == {
        "current_token": "abcd…",
        "list": [{"Token": "…"}],
        "token_map": {"x": "y"},
        "name": "token",
    }


def test_the_limiter_slides() -> None:
    now = [0.0]
    limiter = RateLimiter(2, clock=lambda: now[0])

    assert [limiter.admit("a") for _ in range(3)] == [True, True, False]
    assert limiter.admit("b")
    now[0] = 59.9
    assert not limiter.admit("a")
    now[0] = 60.0
    assert [limiter.admit("a") for _ in range(3)] == [True, True, False]
    now[0] = 120.0
    assert limiter.admit("a"), "refused requests must not fill the window"
    limiter.clear()
    assert [limiter.admit("a") for _ in range(3)] == [True, True, False]
    with pytest.raises(ValueError, match="requests_per_minute"):
        RateLimiter(0)


def test_the_rate_limit_covers_all_endpoints_but_not_admin() -> None:
    with ExploEmulator(requests_per_minute=2) as explo:
        headers = {"Explo-Authorization": f"Token {explo.token}", "Content-Type": "application/json"}
        for path in ("/v2/api/customers/", "/api/group_tags/"):
            assert requests.get(explo.url + path, headers=headers, timeout=10).status_code == 200
        refused = requests.get(explo.url + "/v2/api/customers/", headers=headers, timeout=10)

        assert refused.status_code == 429
        assert refused.json()["error"]
        assert "Retry-After" not in refused.headers
        assert requests.get(explo.url, timeout=10).status_code == 200
        assert requests.get(explo.url + "/_emulator/groups", timeout=10).status_code == 200
        assert explo.request_count == 3
        explo.reset()
        assert requests.get(explo.url + "/v2/api/customers/", headers=headers, timeout=10).status_code == 200


def test_the_page_of_one_tenant_shows_that_tenant_alone(send: Send, explo: ExploEmulator) -> None:
    token = send("POST", CREATE, {"user_group_id": "a/b", "name": NASTY}).json()["user_group"]["token"]
    send("POST", CREATE, {"user_group_id": "other", "name": "Somebody else"})

    response = send("GET", "/user_groups/a%2Fb")

    assert response.status_code == 200
    assert "株式会社 🐙" in response.text
    assert "&lt;script&gt;" in response.text
    assert "Somebody else" not in response.text
    assert token not in response.text
    assert send("GET", "/user_groups/unknown").status_code == 404
    assert explo.request_count == 2
