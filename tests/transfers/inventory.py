"""Reads what ExploToSqlOperator wrote."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_explo.sql.customers_table import JSON_COLUMNS

COLUMNS = [
    "provided_id",
    "name",
    "is_demo_group",
    "access_group",
    "hierarchy_level",
    *JSON_COLUMNS,
    "synced_at",
]


def rows_of(engine, table="explo_customers"):
    # To read times with a time zone, DuckDB's driver wants pytz.
    utc = "* REPLACE (CAST(synced_at AT TIME ZONE 'UTC' AS VARCHAR) AS synced_at)"
    columns = utc if engine.dialect.name == "duckdb" else "*"
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT {columns} FROM {table} ORDER BY provided_id"))
        return [dict(row._mapping) for row in rows]


def ids_in(engine):
    return [row["provided_id"] for row in rows_of(engine)]


def tokens_of(emulator):
    return {group.provided_id: group.token for group in emulator.groups}
