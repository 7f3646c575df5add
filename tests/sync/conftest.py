"""One tenant in an emulator and in a token table on SQLite, and clients of both."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.emulator import ExploEmulator
from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable
from tests.sync import child

HASH = "1:aa"


class World:
    """Explo, the token table, and this test's way to both."""

    def __init__(self, explo: ExploEmulator, path: Path) -> None:
        self.explo, self.path = explo, path
        self.slept: list[float] = []
        self._open: list[Any] = []

    def client(self, **settings: Any) -> ExploClient:
        client = child.new_client(self.explo.url, self.explo.token, **settings)
        self._open.append(client.close)
        return client

    def tokens(self, **arguments: Any) -> TokenTable:
        tokens = child.new_tokens(str(self.path), **arguments)
        self._open.append(tokens.engine.dispose)
        tokens.create_if_missing()
        return tokens

    def add(self, user_group_id: str = "acme", *, saved: bool = True, **fields: Any) -> str:
        """A tenant in Explo and, if it is saved, in the token table. Returns its token."""
        token = self.explo.add(provided_id=user_group_id, name=user_group_id.title(), **fields).token
        if saved:
            row = TokenRow(user_group_id=user_group_id, name="Saved", token=token, content_hash=HASH)
            self.tokens().save(row)
        return token

    def run(self, work: Callable[..., Any], *arguments: Any, tokens: Any = ..., **options: Any) -> Any:
        """Call a function of ``sync`` with a client, the token table, and a sleep that does not.

        :returns: its result, or the error.
        """
        table = self.tokens() if tokens is ... else tokens
        settings = options.pop("settings", {})
        retry = RetryPolicy(uniform=lambda low, high: high)
        if work.__name__ != "update_group":
            options["retry"] = retry
        try:
            client = self.client(**settings)
            return work(client, table, *arguments, sleep=self.slept.append, **options)
        except ExploError as error:
            return error

    @property
    def sent(self) -> list[str]:
        """The requests so far: the last part of each path."""
        return [request.path.strip("/").rpartition("/")[2] for request in self.explo.requests]

    @property
    def in_explo(self) -> dict[str, str]:
        """Tokens by tenant."""
        return {group.provided_id: group.token for group in self.explo.groups}

    @property
    def in_table(self) -> dict[str, str]:
        return {name: row["token"] for name, row in self.rows().items()}

    def rows(self) -> dict[str, dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return {row["user_group_id"]: dict(row) for row in connection.execute("SELECT * FROM explo_user_groups")}

    def assert_refreshed(self, before: str) -> None:
        """Explo and the token table agree on another token of acme's."""
        assert self.in_explo == self.in_table
        assert self.in_explo["acme"] != before

    def close(self) -> None:
        for close in self._open:
            close()


@pytest.fixture
def world(explo_emulator: ExploEmulator, tmp_path: Path) -> Iterator[World]:
    made = World(explo_emulator, tmp_path / "tokens.db")
    made.tokens()
    yield made
    made.close()
