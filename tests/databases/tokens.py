"""Tokens in SQLite, for sources that cannot hold them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path


class TokensInSqlite:
    """``arguments`` lead an operator there, with the connection ``tokens`` of ``environment``."""

    arguments = {"token_conn_id": "tokens"}

    def __init__(self, path: Path) -> None:
        self._path = path
        self.environment = {"AIRFLOW_CONN_TOKENS": json.dumps({"conn_type": "sqlite", "host": str(path)})}

    def read(self) -> dict[str, str]:
        with closing(sqlite3.connect(self._path)) as connection:
            return dict(connection.execute("SELECT user_group_id, token FROM explo_user_groups").fetchall())
