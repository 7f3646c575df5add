"""Each daily example on SQLite, PostgreSQL and DuckDB, whatever time zone the database's sessions have."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from tests.dags.conftest import day_after

pytestmark = pytest.mark.slow

TYPES = {"sqlite": ("TEXT", "TEXT"), "postgresql": ("TIMESTAMPTZ", "JSONB"), "duckdb": ("TIMESTAMPTZ", "JSON")}
MARCH_2 = {"first": "2026-03-02 00:00:00", "midday": "2026-03-02 12:00:00", "last": "2026-03-02 23:59:59.999"}
OTHERS = {"early": "2026-03-01 23:59:59.999", "late": "2026-03-03 00:00:00"}


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Tokyo"])
def tenants(request, anywhere, monkeypatch):
    dialect = anywhere.dialect.name
    if dialect == "sqlite" and request.param != "UTC":
        pytest.skip("SQLite has no time zones")
    if dialect == "postgresql":
        with anywhere.begin() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {anywhere.url.database} SET timezone = '{request.param}'")
        anywhere.dispose()
    # DuckDB takes the machine's.
    monkeypatch.setenv("TZ", request.param)
    moment, document = TYPES[dialect]
    offset = "" if dialect == "sqlite" else "+00:00"
    with anywhere.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE tenants (tenant_id VARCHAR(99), name VARCHAR(99), signed_up_at {moment}, "
            f"mapping {document}, properties {document})"
        )
        for tenant, signed_up_at in {**MARCH_2, **OTHERS}.items():
            connection.exec_driver_sql(
                f"INSERT INTO tenants VALUES ('{tenant}', '{{{{ 1 + 1 }}}}', '{signed_up_at}{offset}', "
                f"'{json.dumps({'40': '213'})}', '{json.dumps({'plan': 'gold'})}')"
            )
    anywhere.dispose()
    return anywhere


def tokens(engine):
    with engine.connect() as connection:
        return {
            row[0]: row[1] for row in connection.execute(sa.text("SELECT user_group_id, token FROM explo_user_groups"))
        }


def test_an_interval_has_the_same_tenants_everywhere(example, run_dag, tenants, explo_connection):
    dag = example("explo_onboard_new_tenants")
    assert run_dag(dag, day_after(2)).state == "success"
    groups = {group.provided_id: group for group in explo_connection.groups}
    assert set(groups) == set(MARCH_2)
    assert tokens(tenants) == {tenant: group.token for tenant, group in groups.items()}
    assert {(group.name, str(group.mapping), str(group.properties)) for group in groups.values()} == {
        ("{{ 1 + 1 }}", "{'40': '213'}", "{'plan': 'gold'}")
    }
    run = run_dag(example("explo_sync_tenants"), day_after(2))
    assert run.state == "success"
    counts = run.xcom("sync")
    assert (counts["created"], counts["unchanged"]) == (len(OTHERS), len(MARCH_2))
    assert set(tokens(tenants)) == {*MARCH_2, *OTHERS}
