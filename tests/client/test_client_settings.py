"""Settings: every mistake is reported at once, before anything is sent."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.exceptions import ExploConfigError


def problems(**settings):
    return ClientSettings(**{"token": "api-token", **settings}).problems()


def test_the_defaults_are_the_documented_ones():
    settings = ClientSettings(token="api-token")

    assert settings.problems() == []
    assert (settings.base_url, settings.api, settings.requests_per_minute) == ("https://api.explo.co", "embed", 180)
    assert (settings.timeout, settings.retry_timeout, settings.verify) == (30, 300, True)
    assert (settings.proxies, settings.allow_http) == (None, False)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.explo.co",
        "https://api.explo.co/",
        "HTTPS://API.EXPLO.CO:8443/gateway/explo",
        "https://[2001:db8::1]:8443",
        "https://bücher.example",
        "http://localhost:8000",
        "http://LOCALHOST",
        "http://127.0.0.1:8000",
        "http://127.8.9.10",
        "http://[::1]:8000",
    ],
)
def test_good_hosts(base_url):
    assert problems(base_url=base_url) == []


@pytest.mark.parametrize(
    ("base_url", "word"),
    [
        ("", "http(s) URL"),
        ("api.explo.co", "http(s) URL"),
        ("https://", "http(s) URL"),
        ("https:///path", "http(s) URL"),
        ("ftp://api.explo.co", "http(s) URL"),
        ("https://api explo.co", "http(s) URL"),
        ("https://api.explo.co\n", "http(s) URL"),
        ("https://api.ex\tplo.co", "http(s) URL"),
        (" https://api.explo.co", "http(s) URL"),
        ("https://api.explo.co/\x00", "http(s) URL"),
        ("https://api.explo.co:port", "not a URL"),
        ("https://api.explo.co:99999", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://api.explo.co?", "query"),
        ("https://api.explo.co/?a=b", "query"),
        ("https://api.explo.co#", "fragment"),
        ("https://api.explo.co/#x", "fragment"),
        ("https://token@api.explo.co", "user name or a password"),
        ("https://me:pw@api.explo.co", "user name or a password"),
        ("https://@api.explo.co", "user name or a password"),
        ("http://api.explo.co", "allow_http"),
        ("http://localhost.example", "allow_http"),
        ("http://127.0.0.1.example", "allow_http"),
        ("http://128.0.0.1", "allow_http"),
        ("http://0.0.0.0", "allow_http"),
        ("http://[::2]", "allow_http"),
        ("http://127.0.0.1@api.explo.co", "user name or a password"),
    ],
)
def test_bad_hosts(base_url, word):
    (problem,) = problems(base_url=base_url)

    assert problem.startswith("host: ")
    assert word in problem
    assert "pw" not in problem
    assert "token@" not in problem


def test_plain_http_where_it_is_allowed():
    assert problems(base_url="http://explo.internal", allow_http=True) == []


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("", "missing"),
        ("Token abc", "alone"),
        ("token abc", "alone"),
        ("a b", "space"),
        ("abc\n", "line break"),
        ("abc\r\nX-Evil: 1", "line break"),
        ("\u00e4bc", "character"),
        ("a\x00b", "character"),
    ],
)
def test_invalid_tokens_are_reported_but_not_shown(token, word):
    (problem,) = problems(token=token)

    assert problem.startswith("password: ")
    assert word in problem
    assert "abc" not in problem


@pytest.mark.parametrize("name", ["requests_per_minute", "timeout", "retry_timeout"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "30", None, True])
def test_numbers_must_be_above_zero(name, value):
    assert problems(**{name: value}) == [f"{name}: expected a number above 0, found {value!r}"]


@pytest.mark.parametrize("value", [0.001, 1, 1e9])
def test_good_numbers(value):
    assert problems(requests_per_minute=value, timeout=value, retry_timeout=value) == []


@pytest.mark.parametrize("api", ["", "Embed", "v2", None])
def test_an_unknown_api_is_reported(api):
    (problem,) = problems(api=api)

    assert problem == f"api: expected one of embed, user_group, customer, found {api!r}"


def test_a_ca_bundle_must_exist(tmp_path):
    bundle = tmp_path / "ca.pem"
    missing = problems(verify=str(bundle))
    bundle.touch()

    assert missing == [f"verify: no CA bundle at {str(bundle)!r} on this machine"]
    assert problems(verify=str(bundle)) == problems(verify=False) == problems(verify=True) == []


def test_a_client_names_every_mistake_at_once():
    settings = ClientSettings(token="", base_url="http://explo.example", api="x", timeout=0, verify="/no/such.pem")

    with pytest.raises(ExploConfigError) as caught:
        ExploClient(settings)

    assert [part.partition(":")[0] for part in str(caught.value).split("; ")][:2] == ["password", "host"]
    assert all(name in str(caught.value) for name in ("api: ", "timeout: ", "verify: "))


def test_settings_are_frozen_and_show_no_secret():
    settings = ClientSettings(token="api-token", proxies={"https": "http://me:secret@proxy"})

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.token = "other"
    assert "api-token" not in repr(settings)
    assert "secret" not in repr(settings)
