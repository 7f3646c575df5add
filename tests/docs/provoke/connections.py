"""The Airflow connection is wrong, or tested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_explo.hooks.explo import ExploHook
from tests.client.conftest import respond
from tests.docs.provoke.stage import Stage

WRONG: list[dict[str, Any]] = [
    {"extra": "timeout=10"},
    {"host": "not a host", "password": "Token abc"},
    {"host": "https://user:secret@api.explo.co", "password": "a token"},
    {"host": "https://[api.explo.co"},
    {"host": "https://api.explo.co?team=3"},
    {"host": "api.explo.co:8443", "port": 443},
    {"host": "api.explo.co/explo", "schema": "other"},
    {"port": 443},
    {
        "extra": {
            "api": "v2",
            "requests_per_minute": 0,
            "retry_timeout": True,
            "verify": "/etc/ssl/missing.pem",
            "proxies": {"https": 3128},
            "allow_http": "perhaps",
        }
    },
    {"extra": {"api": 2}},
]


def _use(stage: Stage, **fields: Any) -> None:
    connection = {"conn_type": "explo", "password": "any-token", **fields}
    stage.monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", json.dumps(connection))


def several(stage: Stage) -> Iterator[str]:
    """Three mistakes in one connection, no connection, and malformed JSON."""
    _use(stage, password="", host="http://explo.example.com", extra={"timeout": "soon"})
    yield stage.error(ExploHook().get_conn)
    stage.monkeypatch.delenv("AIRFLOW_CONN_EXPLO_DEFAULT")
    yield stage.error(ExploHook().get_conn)
    stage.monkeypatch.setenv("AIRFLOW_CONN_EXPLO_DEFAULT", '{"conn_type": "explo", \'host\': ""}')
    yield stage.error(ExploHook().get_conn)


def each(stage: Stage) -> Iterator[str]:
    """Every other mistake, as a line of its own."""
    for fields in WRONG:
        _use(stage, **fields)
        _, *lines = stage.error(ExploHook().get_conn).splitlines()
        yield from (line for line in lines if "token is missing" not in line)


def unused(stage: Stage) -> Iterator[str]:
    """Unknown fields."""
    _use(stage, login="acme", extra={"timeuot": 10})
    ExploHook().get_conn()
    yield from stage.logged(r"connection 'explo_default': unknown fields ignored: [^\n]* allow_http")


def tested(stage: Stage) -> Iterator[str]:
    """The test button."""
    _use(stage, host=stage.emulator.url, password=stage.emulator.token)
    yield ExploHook().test_connection()[1]
    _use(stage, host=stage.emulator.url, password="another-token")
    yield ExploHook().test_connection()[1]
    _use(stage, host=stage.server(respond(b"<html>")).url)
    yield ExploHook().test_connection()[1]
    _use(stage, host="http://127.0.0.1:1")
    yield ExploHook().test_connection()[1]
