"""The databases: the query, the token table, the rejects table."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.docs.provoke.stage import Stage

TOKEN_TABLE = (
    "CREATE TABLE explo_user_groups (user_group_id TEXT {collation} PRIMARY KEY, name TEXT, {token} content_hash TEXT, "
    "explo_conn_id TEXT, created_at TIMESTAMP, updated_at TIMESTAMP)"
)


def queries(stage: Stage) -> Iterator[str]:
    """That do not return tenants."""
    stage.tenants(("acme", "Acme"))
    for sql in (
        "SELECT id AS tenant_id, name FROM tenants",
        "SELECT id AS user_group_id, name, name FROM tenants",
        "PRAGMA foreign_keys = ON",
        "SELECT id AS user_group_id, name FROM tennants",
    ):
        yield stage.error(lambda sql=sql: stage.onboard(sql=sql))
    named = "SELECT id AS user_group_id, name FROM tenants WHERE id = :tenant"
    yield stage.error(lambda: stage.onboard(sql=named, parameters={"tennant": "acme"}))
    yield stage.error(lambda: stage.onboard(sql="SELECT id AS user_group_id, name, 'DE' AS country FROM tenants"))
    yield stage.error(lambda: stage.onboard(sql="SELECT id AS user_group_id, name, '[]' AS emails FROM tenants"))


def connections(stage: Stage) -> Iterator[str]:
    """To no database."""
    yield stage.error(lambda: stage.onboard(sql_conn_id="warehuose"))
    stage.monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "snowflake://any")
    yield stage.error(stage.onboard)
    yield stage.error(lambda: stage.onboard(sql_conn_id="explo_default"))
    stage.monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{stage.folder}/missing/warehouse.db"})
    )
    yield stage.error(stage.onboard)


def token_tables(stage: Stage) -> Iterator[str]:
    """That cannot keep tokens."""
    stage.tenants(("acme", "Acme"))
    stage.database(TOKEN_TABLE.format(collation="", token=""))
    yield stage.error(stage.onboard)
    stage.database("DROP TABLE explo_user_groups", TOKEN_TABLE.format(collation="", token="token INTEGER,"))
    yield stage.error(stage.onboard)
    yield stage.error(lambda: stage.onboard(token_table="explo user groups"))
    stage.database("CREATE VIEW seen AS SELECT * FROM explo_user_groups")
    stage.database(
        "DROP TABLE explo_user_groups",
        TOKEN_TABLE.format(collation="", token="token TEXT,").replace("explo_conn_id TEXT, ", ""),
    )
    yield stage.error(stage.onboard)


def side_tables(stage: Stage) -> Iterator[str]:
    """That cannot be written; the run goes on, and fails at its end."""
    stage.tenants(("acme", "Acme"))
    stage.database("CREATE TABLE explo_rejects (run TEXT, row_number INTEGER)", "CREATE TABLE explo_log (run TEXT)")
    yield stage.error(lambda: stage.onboard(rejects_table="explo_rejects"))
    stage.error(lambda: stage.onboard(log_table="explo_log"))
    yield from stage.logged(r"log table explo_log: .*?fails at its end")


def of_another_connection(stage: Stage) -> Iterator[str]:
    """A token table that two connections share."""
    stage.tenants(("acme", "Acme"))
    stage.monkeypatch.setenv("AIRFLOW_CONN_EXPLO_TESTING", stage.emulator.connection_json())
    stage.onboard(explo_conn_id="explo_testing")
    yield stage.error(stage.onboard)


def shared_tokens(stage: Stage) -> Iterator[str]:
    """Two tenants with one token."""
    stage.tenants(("acme", "Acme"), ("bolt", "Bolt"))
    stage.fault("shared_token", path="create_user_group")
    stage.error(stage.onboard)
    yield from stage.outcomes("failed")
    stage.emulator.clear_faults()
    stage.database("DROP TABLE explo_user_groups")
    stage.fault("shared_token", path="/v2/api/customers/")
    stage.caplog.clear()
    stage.error(stage.onboard)
    yield from stage.outcomes("failed")


def collations(stage: Stage) -> Iterator[str]:
    """That do not distinguish two tenants."""
    stage.tenants(("acme", "Acme"), ("ACME", "ACME"))
    stage.database(TOKEN_TABLE.format(collation="COLLATE NOCASE", token="token TEXT,"))
    stage.onboard(sql="SELECT id AS user_group_id, name FROM tenants WHERE id = 'ACME'")
    stage.error(stage.onboard)
    yield from stage.outcomes("failed")
