"""Between here and Explo: redirects, TLS, proxies, and the environment's say in them."""

from __future__ import annotations

import importlib.util

import pytest

from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploEndpointGoneError,
    ExploProtocolError,
    ExploUnavailableError,
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_not_followed(kit, explo, stand_in, client, status):
    elsewhere = stand_in()
    location = f"{elsewhere.url}/embed/create_user_group/?a=b"
    explo.will(kit.respond(status=status, headers={"Location": location}))

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploProtocolError
    assert error.status == status
    assert f"{elsewhere.url}/embed/create_user_group/" in str(error)
    assert elsewhere.connections == 0
    assert len(explo.received) == 1


@pytest.mark.parametrize(
    ("location", "named"),
    [
        (None, "nowhere"),
        ("", "nowhere"),
        ("/login", "'/login'"),
        ("//other.example/x", "other.example/x"),
        ("https://me:pw@other.example:8443/x?token=1#y", "https://other.example:8443/x"),
        ("http://[::1", "not a URL"),
        ("http://host:99999/", "not a URL"),
        ("https://other.example/" + "x" * 5000, "https://other.example/xxx"),
        ("https://b\xe4d.example/\xff\xfe", "b\\xe4d.example"),
    ],
)
def test_any_location_is_shown_safely(kit, explo, client, location, named):
    headers = {} if location is None else {"Location": location}
    explo.will(kit.respond(status=302, headers=headers))

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploProtocolError
    assert named in str(error)
    assert "pw" not in str(error)
    assert "token=1" not in str(error)
    assert len(str(error)) < 600


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_the_body_of_an_error_is_not_read(kit, explo, new_client, status):
    def endless(request, connection):
        connection.sendall(kit.respond(status=status, headers={"Location": "/x"}, length=False))
        while True:
            connection.sendall(b"x" * 65_536)

    explo.will(*[endless] * 10)

    assert kit.failure(lambda: kit.create(new_client(retry_timeout=0.5))).status == status


@pytest.mark.parametrize("through", ["settings", "environment"])
def test_plain_http_goes_through_the_proxy(kit, explo, stand_in, new_client, monkeypatch, through):
    proxy = stand_in()
    proxies = {"http": proxy.url} if through == "settings" else None
    if through == "environment":
        monkeypatch.setenv("http_proxy", proxy.url)

    kit.create(new_client(proxies=proxies))

    assert [request.target for request in proxy.received] == [f"{explo.url}/embed/create_user_group/"]
    assert explo.received == []


def test_the_connections_proxy_goes_before_the_environments(kit, stand_in, new_client, monkeypatch):
    mine, environments = stand_in(), stand_in()
    monkeypatch.setenv("http_proxy", environments.url)

    kit.create(new_client(proxies={"http": mine.url}))

    assert (len(mine.received), len(environments.received)) == (1, 0)


def test_no_proxy_of_the_environment_holds(kit, explo, stand_in, new_client, monkeypatch):
    monkeypatch.setenv("http_proxy", stand_in().url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    kit.create(new_client())

    assert len(explo.received) == 1


def test_settings_are_not_changed_by_a_request(kit, stand_in, new_client, monkeypatch):
    proxies = {"http": stand_in().url}
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    kit.create(new_client(proxies=proxies))

    assert list(proxies) == ["http"]


def test_the_token_does_not_leave_this_machine_in_plain_by_a_proxy_of_the_environment(
    kit, explo, new_client, monkeypatch
):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")

    kit.create(new_client())

    assert len(explo.received) == 1


def test_tls_goes_through_a_tunnel_that_never_sees_the_token(kit, tls_explo, stand_in, new_client, ca_bundle):
    proxy = stand_in()
    proxy.will(kit.tunnel)

    client = new_client(base_url=tls_explo.url, verify=ca_bundle, proxies={"https": proxy.url})
    assert kit.create(client).token == kit.TENANT_TOKEN

    (request,) = proxy.received
    assert (request.method, request.target) == ("CONNECT", f"127.0.0.1:{tls_explo.port}")
    assert "explo-authorization" not in request.headers
    assert len(tls_explo.received) == 1


def test_a_proxy_that_cannot_be_reached_is_unavailable_and_nothing_was_sent(kit, explo, stand_in, new_client):
    proxy = stand_in()
    proxy.stop()

    error = kit.failure(
        lambda: new_client(proxies={"http": proxy.url}, retry_timeout=0.5).delete_user_group(current_token="old")
    )

    assert type(error) is ExploUnavailableError
    assert not error.ambiguous
    assert "proxy" in str(error)


def test_a_proxy_that_wants_a_password_is_a_config_error(kit, stand_in, new_client, ca_bundle, tls_explo):
    proxy = stand_in()
    proxy.will(kit.respond(status=407))

    error = kit.failure(
        lambda: kit.create(new_client(base_url=tls_explo.url, verify=ca_bundle, proxies={"https": proxy.url}))
    )

    assert type(error) is ExploConfigError
    assert "proxies" in str(error)
    assert len(proxy.received) == 1


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "*.example"])
def test_a_host_that_cannot_be_one_is_a_config_error(kit, new_client, host):
    error = kit.failure(lambda: kit.create(new_client(base_url=f"https://{host}")))

    assert type(error) is ExploConfigError
    assert "host" in str(error)


@pytest.mark.parametrize("proxy", ["http://", "http://a b", "gopher://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_one_is_no_crash(kit, new_client, proxy):
    error = kit.failure(lambda: kit.create(new_client(proxies={"http": proxy}, retry_timeout=0.5)))

    assert type(error) in (ExploConfigError, ExploUnavailableError)


@pytest.mark.skipif(importlib.util.find_spec("socks") is not None, reason="PySocks is installed")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
@pytest.mark.parametrize("through", ["settings", "environment"])
def test_a_socks_proxy_without_pysocks_is_named_and_not_retried(
    kit, explo, new_client, clock, monkeypatch, scheme, through
):
    proxy = f"{scheme}://127.0.0.1:9"
    proxies = {"http": proxy} if through == "settings" else None
    if through == "environment":
        monkeypatch.setenv("http_proxy", proxy)

    error = kit.failure(lambda: kit.create(new_client(proxies=proxies)))

    assert type(error) is ExploConfigError
    assert "a SOCKS proxy needs PySocks" in str(error)
    assert (explo.received, clock.naps) == ([], [])


def test_http_to_another_machine_needs_allow_http(kit, stand_in, new_client):
    proxy = stand_in()
    settings = {"base_url": "http://explo.example", "proxies": {"http": proxy.url}}

    error = kit.failure(lambda: new_client(**settings))
    kit.create(new_client(**settings, allow_http=True))

    assert type(error) is ExploConfigError
    assert "allow_http" in str(error)
    assert ClientSettings(token="x", base_url="http://explo.example", allow_http=True).problems() == []
    assert len(proxy.received) == 1


@pytest.mark.parametrize(
    ("location", "retired"),
    [
        ("https://omni.co/explo", True),
        ("https://docs.omni.co/", True),
        ("https://OMNI.co", True),
        ("https://not-omni.co/", False),
        ("https://omni.co.example/", False),
        ("/omni.co", False),
    ],
)
def test_a_redirect_to_omni_says_that_explo_has_been_retired(kit, explo, client, location, retired):
    explo.will(kit.respond(status=301, headers={"Location": location}))

    error = kit.failure(lambda: kit.create(client))

    # One that ends a run at once.
    assert type(error) is (ExploEndpointGoneError if retired else ExploProtocolError)
    assert ("Explo has been retired" in str(error)) is retired


@pytest.mark.skipif(importlib.util.find_spec("socks") is not None, reason="PySocks is installed")
def test_a_socks_proxy_needs_pysocks(kit, new_client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "socks5h://127.0.0.1:9")

    error = kit.failure(lambda: kit.create(new_client(base_url="http://explo.example", allow_http=True)))

    assert type(error) is ExploConfigError
    assert "a SOCKS proxy needs PySocks" in str(error)
