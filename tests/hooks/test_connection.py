"""Connections as JSON, as URI and from the environment mean the same."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from airflow.models import Connection

from airflow_provider_explo.hooks.connection import parse_connection

TOKEN = "tok-0123456789abcdef"


def parse(**fields):
    extra = fields.pop("extra", None)
    if isinstance(extra, dict):
        extra = json.dumps(extra)
    connection = Connection(conn_id="c", conn_type="explo", **{"password": TOKEN, **fields}, extra=extra)
    return parse_connection(connection, user_agent="test")


def from_uri(uri):
    return parse_connection(Connection(conn_id="c", uri=uri), user_agent="test")


def test_the_defaults():
    settings = parse().settings
    assert settings.base_url == "https://api.explo.co"
    assert (settings.api, settings.requests_per_minute) == ("embed", 180)
    assert (settings.timeout, settings.retry_timeout) == (30, 300)
    assert (settings.verify, settings.proxies, settings.allow_http) == (True, None, False)
    assert parse().problems == ()


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("", None, "https://api.explo.co"),
        ("gateway.example.com", None, "https://gateway.example.com"),
        ("https://gateway.example.com/explo/", None, "https://gateway.example.com/explo"),
        ("gateway.example.com/explo", 8443, "https://gateway.example.com:8443/explo"),
        ("gateway.example.com:8443", 8443, "https://gateway.example.com:8443"),
        ("http://localhost", 18900, "http://localhost:18900"),
        ("http://127.8.9.1:1", None, "http://127.8.9.1:1"),
        ("http://[::1]", 18900, "http://[::1]:18900"),
        ("localhost", 18900, "https://localhost:18900"),
    ],
)
def test_host_and_port_make_the_base_url(host, port, url):
    parsed = parse(host=host, port=port)
    assert parsed.problems == ()
    assert parsed.settings.base_url == url


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("explo://:tok-0123456789abcdef@localhost:18900", "https://localhost:18900"),
        ("explo://http://:tok-0123456789abcdef@localhost:18900/", "http://localhost:18900"),
        (
            "explo://:tok-0123456789abcdef@https%3A%2F%2Fgateway.example.com%2Fexplo",
            "https://gateway.example.com/explo",
        ),
        ("explo://:tok-0123456789abcdef@", "https://api.explo.co"),
    ],
)
def test_uris(uri, url):
    parsed = from_uri(uri)
    assert parsed.problems == ()
    assert parsed.settings.base_url == url
    assert parsed.settings.token == TOKEN


def test_extras_of_a_uri_mean_the_same_as_those_of_json():
    typed = {
        "api": "customer",
        "requests_per_minute": 60,
        "timeout": 2.5,
        "retry_timeout": 20,
        "verify": False,
        "allow_http": True,
    }
    uri = (
        "explo://http://:tok-0123456789abcdef@explo.example.com/?api=customer&requests_per_minute=60&timeout=2.5"
        "&retry_timeout=20&verify=false&allow_http=true&proxies=%7B%22https%22%3A+%22http%3A%2F%2Fproxy%3A3128%22%7D"
    )
    as_json = parse(host="http://explo.example.com", extra={**typed, "proxies": {"https": "http://proxy:3128"}})
    assert as_json.problems == from_uri(uri).problems == ()
    assert as_json.settings == from_uri(uri).settings


def test_empty_extras_are_absent_ones():
    parsed = parse(extra={"api": "", "timeout": "", "verify": None, "proxies": ""}, login="", schema="")
    assert parsed == parse()


def test_unknown_fields_are_named_and_used_for_nothing():
    parsed = parse(extra={"timout": 5}, login="me", schema="http")
    assert parsed.unused == ("extra 'timout'", "login", "schema")
    assert parsed.settings == parse().settings


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": None}, "password: the Explo API token is missing"),
        ({"password": f"Token {TOKEN}"}, "without|alone"),
        ({"password": f"{TOKEN}\r\nX-Evil: 1"}, "password: .* line break"),
        ({"password": f"{TOKEN}\n"}, "password: .* line break"),
        ({"password": "schlüssel"}, "password: "),
        ({"host": "https://user:pass@api.explo.co"}, "host: contains a user name"),
        ({"host": "ftp://api.explo.co"}, "host: expected an http"),
        ({"host": "https://api explo co"}, "host: "),
        ({"host": "https://"}, "host: "),
        ({"host": "https://api.explo.co:port"}, "host: "),
        ({"host": "https://api.explo.co/?a=1"}, "query"),
        ({"host": "http://api.explo.co"}, "unencrypted.*allow_http"),
        ({"host": "http://localhost.example.com"}, "unencrypted"),
        ({"host": "https://api.explo.co:444", "port": 443}, "port: "),
        ({"port": 443}, "port: set without a host"),
        ({"extra": {"api": "v3"}}, "api: expected one of embed, user_group, customer"),
        ({"extra": {"api": 3}}, "extra api: expected text"),
        ({"extra": {"requests_per_minute": 0}}, "requests_per_minute: expected a number above 0"),
        ({"extra": {"requests_per_minute": "many"}}, "requests_per_minute: expected a number, found 'many'"),
        ({"extra": {"requests_per_minute": True}}, "requests_per_minute: expected a number"),
        ({"extra": {"timeout": "nan"}}, "timeout: expected a number above 0"),
        ({"extra": {"timeout": [1]}}, "timeout: expected a number"),
        ({"extra": {"retry_timeout": -1}}, "retry_timeout: expected a number above 0"),
        ({"extra": {"verify": "/no/such/bundle.pem"}}, "verify: no CA bundle"),
        ({"extra": {"verify": 7}}, "verify: "),
        ({"extra": {"allow_http": "perhaps"}}, "allow_http: expected true or false"),
        ({"extra": {"proxies": "http://proxy:3128"}}, "proxies: expected an object"),
        ({"extra": {"proxies": {"https": 3128}}}, "proxies: expected an object"),
    ],
)
def test_mistakes_are_named_and_show_no_secret(fields, words):
    parsed = parse(**fields)
    assert re.search(words, "\n".join(parsed.problems))
    assert TOKEN not in repr(parsed)
    assert TOKEN not in str(parsed.problems)


FIELDS = ("conn_type", "host", "port", "login", "schema", "password")


@pytest.mark.parametrize("extra", ["not json", "[1]", "{"])
def test_an_extra_that_airflow_let_pass_must_be_an_object(extra):
    connection = SimpleNamespace(
        conn_type="explo", host=None, port=None, login=None, schema=None, password=TOKEN, extra=extra
    )
    assert "extra: expected a JSON object" in parse_connection(connection, user_agent="test").problems[0]


def test_every_mistake_is_reported_at_once():
    parsed = parse(password="", host="ftp://x", extra={"api": "v3", "timeout": "soon"})
    assert len(parsed.problems) == 4


def test_allow_http_sends_the_token_over_plain_http():
    assert parse(host="http://explo.internal", extra={"allow_http": True}).problems == ()


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("explo://http://:tok-0123456789abcdef@[::1]:8080", "http://[::1]:8080"),
        ("explo://:tok-0123456789abcdef@[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("explo://http://:tok-0123456789abcdef@127.0.0.1:8080/gateway", "http://127.0.0.1:8080/gateway"),
        ("explo://:tok-0123456789abcdef@gateway.example.com/explo", "https://gateway.example.com/explo"),
    ],
)
def test_a_uri_leads_where_the_same_url_as_json_does(uri, url):
    parsed = from_uri(uri)
    assert (parsed.problems, parsed.unused) == ((), ())
    assert parsed.settings == parse(host=url).settings
    assert parsed.settings.base_url == url


def test_two_paths_are_one_too_many():
    (problem,) = parse(host="https://gateway.example.com/explo", schema="other").problems
    assert "'/explo'" in problem
    assert "'other'" in problem
