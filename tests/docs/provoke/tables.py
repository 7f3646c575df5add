"""The databases: the query, the token table, the rejects table."""

from __future__ import annotations

from collections.abc import Iterator

from tests.docs.provoke.stage import Stage

TOKEN_TABLE = (
    "CREATE TABLE explo_user_groups (user_group_id TEXT {collation} PRIMARY KEY, name TEXT, {token} content_hash TEXT, "
    "created_at TIMESTAMP, updated_at TIMESTAMP)"
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
    stage.onboard(sql="SELECT id AS user_group_id, name, 'DE' AS country FROM tenants")
    yield from stage.logged(r"sql: ignoring unknown columns: \w+")


def connections(stage: Stage) -> Iterator[str]:
    """To no database."""
    yield stage.error(lambda: stage.onboard(sql_conn_id="warehuose"))
    yield stage.error(lambda: stage.onboard(sql_conn_id="explo_default"))
    stage.monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{stage.folder}/missing/warehouse.db")
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
    stage.database("CREATE TABLE explo_rejects (run TEXT, row_number INTEGER)")
    yield stage.error(lambda: stage.onboard(token_table="tokens", rejects_table="explo_rejects"))


def collations(stage: Stage) -> Iterator[str]:
    """That do not distinguish two tenants."""
    stage.tenants(("acme", "Acme"), ("ACME", "ACME"))
    stage.database(TOKEN_TABLE.format(collation="COLLATE NOCASE", token="token TEXT,"))
    stage.onboard(sql="SELECT id AS user_group_id, name FROM tenants WHERE id = 'ACME'")
    stage.error(stage.onboard)
    yield from stage.outcomes("failed")
