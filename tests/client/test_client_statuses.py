"""Which error each HTTP status is, what it carries, and whether it is retried."""

from __future__ import annotations

import pytest

from airflow_provider_explo.exceptions import (
    ExploAuthError,
    ExploEndpointGoneError,
    ExploProtocolError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
)

STATUSES = {
    **dict.fromkeys((300, 301, 302, 303, 304, 305, 307, 308, 399), ExploProtocolError),
    **dict.fromkeys((101, 199, 600, 777, 999), ExploProtocolError),
    **dict.fromkeys((401, 403), ExploAuthError),
    **dict.fromkeys((400, 402, 406, 407, 409, 413, 415, 418, 422, 451), ExploRefusedError),
    **dict.fromkeys((404, 405, 410), ExploEndpointGoneError),
    429: ExploRateLimitError,
    **dict.fromkeys((408, 500, 501, 502, 503, 504, 505, 520, 599), ExploUnavailableError),
}
RETRYABLE = (ExploRateLimitError, ExploUnavailableError)


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_a_status_is_its_error(kit, explo, client, status, kind):
    explo.will(*[kit.respond(b"the body " + kit.TENANT_TOKEN.encode(), status=status)] * 1000)

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is kind
    assert (error.status, error.endpoint) == (status, "POST /embed/create_user_group/")
    assert f"tenant 'acme': POST /embed/create_user_group/: HTTP {status}, " in str(error)
    assert any(advice in str(error) for advice in ("check", "correct", "lower", "retry later", "set api: customer"))
    shown = kit.everything_shown(error)
    assert not any(secret in shown for secret in (kit.TENANT_TOKEN, kit.API_TOKEN, "the body"))
    assert (len(explo.received) > 1) is (kind in RETRYABLE)


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_every_2xx_with_the_documented_body_is_accepted(kit, explo, client, status):
    explo.will(kit.respond(kit.created(), status=status))

    assert kit.create(client).token == kit.TENANT_TOKEN


def test_interim_responses_are_skipped(kit, explo, client):
    explo.will(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + kit.respond(kit.created()))

    assert kit.create(client).token == kit.TENANT_TOKEN


@pytest.mark.parametrize("status", ["1000", "20", "abc", "-1"])
def test_a_status_line_that_is_none_is_a_broken_connection(kit, explo, client, status):
    explo.will(kit.respond(kit.created(), status=status))

    assert kit.create(client).new_user_group is True
    assert len(explo.received) == 2


@pytest.mark.parametrize(
    "noise",
    [b"", b"\x00" * 100, b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000, b"HTTP/1.1 200 OK\r\n"],
    ids=["nothing", "zeros", "ssh", "a huge header", "half a head"],
)
def test_noise_instead_of_http_is_a_broken_connection(kit, explo, new_client, noise):
    explo.will(*[lambda request, connection: connection.sendall(noise)] * 1000)

    error = kit.failure(lambda: kit.create(new_client(retry_timeout=5)))

    assert type(error) in (ExploUnavailableError, ExploProtocolError)
    assert kit.API_TOKEN not in kit.everything_shown(error)


def test_too_many_headers_are_a_broken_connection(kit, explo, client):
    explo.will(kit.respond(kit.created(), headers={f"X-{number}": "x" for number in range(200)}))

    assert kit.create(client).token == kit.TENANT_TOKEN
    assert len(explo.received) == 2


def test_an_error_sent_before_the_body_was_read_is_that_error(kit, explo, client):
    explo.before_body = kit.respond(status=413, headers={"Connection": "close"})
    explo.will(None)

    error = kit.failure(lambda: kit.create(client, properties={"x": "x" * (4 << 20)}))

    assert type(error) is ExploRefusedError
    assert error.status == 413


@pytest.mark.parametrize(
    ("status", "kind"), [(429, ExploRateLimitError), (503, ExploUnavailableError), (408, ExploUnavailableError)]
)
def test_retry_after_is_on_the_error(kit, explo, new_client, status, kind):
    explo.will(kit.respond(status=status, headers={"Retry-After": "77"}))

    error = kit.failure(lambda: kit.create(new_client(retry_timeout=60)))

    assert type(error) is kind
    assert error.retry_after == 77.0
    assert len(explo.received) == 1


ENDPOINTS = {
    "create": lambda client: client.create_user_group(user_group_id="acme", name="Acme"),
    "list": lambda client: list(client.list_user_groups()),
    "tags": lambda client: client.list_group_tags(),
    "create tag": lambda client: client.create_group_tag(name="gold"),
    "probe": lambda client: client.probe(),
}
ABOUT_ONE_TENANT = {
    "update": lambda client: client.update_user_group(user_group_id="acme", name="Acme"),
    "get": lambda client: client.get_user_group(user_group_id="acme"),
    "delete": lambda client: client.delete_user_group(current_token="old"),
    "refresh": lambda client: client.refresh_user_group_token(current_token="old"),
    "jwt": lambda client: client.generate_jwt(user_group_id="acme", embed_id="dash-1"),
}


@pytest.mark.parametrize("status", [404, 405, 410])
@pytest.mark.parametrize("api", ["embed", "user_group", "customer"])
@pytest.mark.parametrize("operation", ENDPOINTS.values(), ids=ENDPOINTS)
def test_an_endpoint_that_is_gone_is_named(kit, explo, new_client, operation, api, status):
    explo.will(kit.respond(status=status))

    error = kit.failure(lambda: operation(new_client(api=api)))

    assert type(error) is ExploEndpointGoneError
    assert error.endpoint in str(error)
    deprecated = "user_group" in error.endpoint
    assert ("set api: customer" in str(error)) is deprecated
    assert ("may have been switched off" in str(error)) is not deprecated
    assert len(explo.received) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(404, ExploRefusedError), (410, ExploRefusedError), (405, ExploEndpointGoneError)]
)
@pytest.mark.parametrize("operation", ABOUT_ONE_TENANT.values(), ids=ABOUT_ONE_TENANT)
def test_not_found_may_be_about_the_tenant(kit, explo, client, operation, status, kind):
    explo.will(kit.respond(status=status))

    assert type(kit.failure(lambda: operation(client))) is kind


def test_a_parent_that_does_not_exist_is_no_endpoint_that_is_gone(kit, explo, new_client):
    explo.will(kit.respond(status=404))

    error = kit.failure(lambda: kit.create(new_client(api="customer"), parent_provided_id="no-such"))

    assert type(error) is ExploRefusedError


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        ("text/html; charset=UTF-8", b"<!DOCTYPE html><title>Just a moment...</title>", ExploProtocolError),
        ("text/html", b"", ExploProtocolError),
        ("text/plain", b"\r\n <html>Blocked</html>", ExploProtocolError),
        ("text/plain", b"no", ExploAuthError),
        ("application/json", b"<html>", ExploAuthError),
        ("application/json", b'{"detail": "no"}', ExploAuthError),
        ("", b"", ExploAuthError),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_web_page_with_401_or_403_is_not_a_rejected_token(kit, explo, client, content_type, body, kind, status):
    explo.will(kit.respond(body, status=status, headers={"Content-Type": content_type}))

    error = kit.failure(lambda: kit.create(client))

    assert (type(error), error.status) == (kind, status)
    assert ("in front of Explo" in str(error)) is (kind is ExploProtocolError)
    assert len(explo.received) == 1


def test_a_403_whose_body_breaks_off_is_a_rejected_token(kit, explo, client):
    whole = kit.respond(b"x" * 9, status=403, headers={"Content-Type": "text/plain"})
    explo.will(lambda request, connection: connection.sendall(whole[:-9]))

    assert type(kit.failure(lambda: kit.create(client))) is ExploAuthError
