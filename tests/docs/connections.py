"""Connections of the documentation, as Airflow and the hook read them."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

from airflow.models import Connection

from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.hooks.connection import parse_connection


def from_text(text: str) -> ClientSettings:
    """A connection, written as JSON or as a URI, of which nothing is wrong and nothing goes unused."""
    made = Connection.from_json(text) if text.lstrip().startswith("{") else Connection(uri=text)
    return _usable(made)


def from_file(text: str, folder: Path) -> list[ClientSettings]:
    """The connections of a file of Airflow's local secrets backend."""
    from airflow.secrets.local_filesystem import load_connections_dict

    path = folder / "connections.yaml"
    path.write_text(text)
    found = load_connections_dict(str(path))
    assert found
    return [_usable(one) for one in found.values()]


def check_ini(text: str) -> None:
    """Options that are ours or Airflow's own; a backend that can be made."""
    from airflow.configuration import conf
    from airflow.secrets import local_filesystem

    from airflow_provider_explo.get_provider_info import get_provider_info

    known = {**conf.configuration_description, **get_provider_info()["config"]}
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    assert parser.sections()
    for section in parser.sections():
        assert set(parser[section]) <= set(known[section]["options"]), section
    if backend := parser.get("secrets", "backend", fallback=None):
        kind: Any = getattr(local_filesystem, backend.rpartition(".")[2])
        assert backend == f"{local_filesystem.__name__}.{kind.__name__}"
        kind(**json.loads(parser.get("secrets", "backend_kwargs")))


def _usable(made: Connection) -> ClientSettings:
    assert made.conn_type == "explo"
    found = parse_connection(made, user_agent="documented")
    assert (found.problems, found.unused) == ((), ())
    return found.settings
