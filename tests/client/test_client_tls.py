"""Certificates, and connections that break below HTTP."""

from __future__ import annotations

import pytest
import trustme

from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploUnavailableError,
)


def test_an_untrusted_certificate_is_a_config_error(kit, tls_explo, new_client):
    error = kit.failure(lambda: kit.create(new_client(base_url=tls_explo.url)))

    assert type(error) is ExploConfigError
    assert "TLS" in str(error)
    assert "certificate could not be verified" in str(error)
    assert "verify" in str(error)
    assert "tenant 'acme': POST /embed/create_user_group/" in str(error)
    assert tls_explo.received == []
    assert kit.API_TOKEN not in kit.everything_shown(error)


def test_a_certificate_for_another_name_is_a_config_error(kit, tls_explo, new_client, ca_bundle):
    url = tls_explo.url.replace("127.0.0.1", "localhost")

    assert type(kit.failure(lambda: kit.create(new_client(base_url=url, verify=ca_bundle)))) is ExploConfigError
    assert tls_explo.received == []


def test_a_ca_bundle_is_taken(kit, tls_explo, new_client, ca_bundle):
    client = new_client(base_url=tls_explo.url, verify=ca_bundle)

    for _ in range(5):
        assert kit.create(client).token == kit.TENANT_TOKEN
    assert tls_explo.connections == 1


def test_the_environments_ca_bundle_counts_where_the_connection_names_none(
    kit, tls_explo, new_client, ca_bundle, monkeypatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_bundle)

    assert kit.create(new_client(base_url=tls_explo.url)).token == kit.TENANT_TOKEN


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environments_ca_bundle_does_not_override_the_connections(
    kit, tls_explo, new_client, ca_bundle, tmp_path, monkeypatch, variable
):
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    monkeypatch.setenv(variable, str(other))

    assert kit.create(new_client(base_url=tls_explo.url, verify=ca_bundle)).token == kit.TENANT_TOKEN
    assert kit.create(new_client(base_url=tls_explo.url, verify=False)).token == kit.TENANT_TOKEN


def test_a_ca_bundle_without_certificates_is_a_config_error(kit, tls_explo, new_client, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")

    error = kit.failure(lambda: kit.create(new_client(base_url=tls_explo.url, verify=str(empty))))

    assert type(error) is ExploConfigError
    assert "verify" in str(error)


def test_a_ca_bundle_of_the_environment_that_is_not_there_is_named(kit, tls_explo, new_client, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))

    error = kit.failure(lambda: kit.create(new_client(base_url=tls_explo.url)))

    assert type(error) is ExploConfigError
    assert "the CA bundle that the environment names is missing" in str(error)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verify_false_asks_for_no_certificate(kit, tls_explo, new_client):
    assert kit.create(new_client(base_url=tls_explo.url, verify=False)).token == kit.TENANT_TOKEN


def test_https_to_a_port_that_speaks_http_is_a_config_error(kit, explo, new_client):
    explo.greeting = kit.respond(status=400)

    error = kit.failure(lambda: kit.create(new_client(base_url=explo.url.replace("http:", "https:"))))

    assert type(error) is ExploConfigError
    assert "does not speak TLS" in str(error)


def test_a_tls_connection_that_breaks_in_the_handshake_is_retried(kit, tls_explo, new_client, ca_bundle):
    tls_explo.handshakes_to_cut = 2

    assert kit.create(new_client(base_url=tls_explo.url, verify=ca_bundle)).token == kit.TENANT_TOKEN
    assert tls_explo.connections == 3


def test_a_tls_connection_that_breaks_before_the_response_is_retried(kit, tls_explo, new_client, ca_bundle):
    tls_explo.will(None, None)

    assert kit.create(new_client(base_url=tls_explo.url, verify=ca_bundle)).token == kit.TENANT_TOKEN
    assert len(tls_explo.received) == 3


def test_a_tls_connection_that_stays_broken_is_unavailable(kit, tls_explo, new_client, ca_bundle):
    tls_explo.will(*[None] * 10)

    error = kit.failure(lambda: kit.create(new_client(base_url=tls_explo.url, verify=ca_bundle, retry_timeout=3)))

    assert type(error) is ExploUnavailableError
    assert error.ambiguous


def plaintext(connection):
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


def alert(connection):
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")


@pytest.mark.parametrize("greet", [plaintext, alert])
def test_a_tls_error_after_a_success_is_retried(kit, tls_explo, new_client, ca_bundle, greet):
    client = new_client(base_url=tls_explo.url, verify=ca_bundle)
    kit.create(client)
    client.close()
    tls_explo.spoiled_handshakes = [greet, greet]

    assert kit.create(client).token == kit.TENANT_TOKEN
    assert tls_explo.connections == 4


def test_a_tls_error_that_stays_is_unavailable(kit, tls_explo, new_client, ca_bundle):
    client = new_client(base_url=tls_explo.url, verify=ca_bundle, retry_timeout=3)
    kit.create(client)
    client.close()
    tls_explo.spoiled_handshakes = [alert] * 100

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is ExploUnavailableError
    assert "TLS with" in str(error)


def test_a_certificate_that_turns_invalid_is_retried_and_nothing_was_sent(
    kit, tls_explo, stand_in, new_client, ca_bundle
):
    client = new_client(base_url=tls_explo.url, verify=ca_bundle, retry_timeout=3)
    kit.create(client)
    client.close()
    tls_explo.use_certificate_of(trustme.CA())

    error = kit.failure(lambda: client.delete_user_group(current_token="old"))

    assert type(error) is ExploUnavailableError
    assert not error.ambiguous
    assert tls_explo.connections > 2
    assert len(tls_explo.received) == 1
