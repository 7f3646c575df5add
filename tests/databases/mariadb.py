"""A MariaDB database, and connections to it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from tests.databases.child import DRIVER
from tests.databases.servers import MariaDB

# The hook knows two; PyMySQL takes the place of the first.
DRIVERS = ["mysqlclient", "pymysql", "mysql-connector-python"]


class Database:
    """``environment`` has the connection ``warehouse``; ``charset`` is what tables are made with by default."""

    def __init__(self, server: MariaDB, driver: str, *, charset: str = "utf8mb4") -> None:
        self._server = server
        self.name = f"db_{uuid4().hex}"
        server.execute(f"CREATE DATABASE {self.name} CHARACTER SET {charset}")
        where = {"conn_type": "mysql", "host": "127.0.0.1", "port": server.port, "login": "root", "schema": self.name}
        client = {"client": driver} if driver == "mysql-connector-python" else {}
        self.environment = {DRIVER: driver, "AIRFLOW_CONN_WAREHOUSE": json.dumps({**where, "extra": client})}

    def execute(self, sql: str, rows: Any = None) -> list[Any]:
        return self._server.execute(sql, rows, database=self.name)

    def put(self, *rows: Any) -> None:
        self.execute("CREATE TABLE tenants (tenant_id VARCHAR(99), name VARCHAR(99), mapping JSON, properties JSON)")
        self.execute("INSERT INTO tenants VALUES (%s, %s, %s, %s)", rows)

    def tokens(self) -> dict[str, str]:
        return dict(self.execute("SELECT user_group_id, token FROM explo_user_groups"))
