"""A PostgreSQL database with tenants, a role that may only read them, and one that keeps the tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from tests.databases.child import DRIVER
from tests.distributed.services import Postgres

DRIVERS = ["psycopg", "psycopg2"]
READER, WRITER = "reader", "writer"
SETTINGS = {
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "2s",
    # The server is never killed, so nothing need be on disk at once.
    "synchronous_commit": "off",
}


class Database:
    """``environment`` has the connections ``warehouse``, of the reader, and ``tokens``, of the writer."""

    def __init__(self, server: Postgres) -> None:
        self.name = f"db_{uuid4().hex}"
        self._server = server
        server.create(self.name)
        for role in (READER, WRITER):
            exists = server.execute("postgres", "SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            if not exists:
                server.execute("postgres", f"CREATE ROLE {role} LOGIN")
            for setting, value in SETTINGS.items():
                server.execute("postgres", f"ALTER ROLE {role} SET {setting} = '{value}'")
        server.execute("postgres", f"ALTER ROLE {READER} SET default_transaction_read_only = on")
        self.execute("CREATE TABLE tenants (tenant_id TEXT, name TEXT, mapping JSONB, properties JSONB)")
        self.execute(f"GRANT SELECT ON tenants TO {READER}")
        self.execute(f"CREATE SCHEMA secret AUTHORIZATION {WRITER}")

    def execute(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return self._server.execute(self.name, sql, values)

    def put(self, rows: Iterable[tuple[Any, ...]]) -> None:
        columns = [json.dumps([row[place] for row in rows]) for place in range(4)]
        unnested = ", ".join(["jsonb_array_elements_text(%s::jsonb)"] * 4)
        query = f"SELECT a, b, c::jsonb, d::jsonb FROM ROWS FROM ({unnested}) AS t(a, b, c, d)"
        self.execute(f"INSERT INTO tenants {query}", columns)

    def tokens(self, table: str = "secret.explo_user_groups") -> dict[str, str]:
        return dict(self.execute(f"SELECT user_group_id, token FROM {table}"))

    def environment(self, driver: str, *, port: int | None = None, **extra: Any) -> dict[str, str]:
        """The connections, to the server itself or to what listens on another port."""
        where = json.loads(self._server.connection(self.name)) | {"extra": extra}
        if port is not None:
            where["port"] = port
        return {
            DRIVER: driver,
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(where | {"login": READER}),
            "AIRFLOW_CONN_TOKENS": json.dumps(where | {"login": WRITER}),
        }
