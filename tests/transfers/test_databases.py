"""The same operator on SQLite, PostgreSQL and DuckDB: only the query is in the database's own words."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

QUERY = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants ORDER BY tenant_id"
DIGITS = '{"ratio": 0.1234567890123456789, "account": 9007199254740993}'
JSON_TYPES = {"sqlite": "TEXT", "postgresql": "JSONB", "duckdb": "TEXT"}


@pytest.fixture
def tenants(anywhere):
    kind = JSON_TYPES[anywhere.dialect.name]
    with anywhere.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE tenants (tenant_id VARCHAR(99), name VARCHAR(99), mapping {kind}, properties {kind})"
        )
    return anywhere


def put(engine, *rows):
    with engine.begin() as connection:
        for row in rows:
            mark = "%s" if engine.dialect.name == "postgresql" else "?"
            connection.exec_driver_sql(f"INSERT INTO tenants VALUES ({', '.join([mark] * 4)})", row)


def saved(engine):
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT user_group_id, token FROM explo_user_groups"))
        return {user_group_id: token for user_group_id, token in rows}  # noqa: C416


def test_tenants_are_onboarded_once_and_then_only_where_they_changed(bulk, tenants, explo_connection):
    put(
        tenants,
        ("acme", "Acme 日本 🎉", '{"40": "213"}', DIGITS),
        ("o'r", "O'Reilly; DROP TABLE tenants", None, None),
        ("zeta", "", None, None),
        *((f"t{number}", f"Tenant {number}", json.dumps({"40": number + 1}), "{}") for number in range(60)),
    )
    run = bulk(sql=QUERY, chunk_size=25, on_rejected="skip", rejects_table="explo_rejects")
    assert run.state == "success", run.log
    assert (run.xcom("onboard")["created"], run.xcom("onboard")["rejected"]) == (62, 1)
    assert saved(tenants) == {group.provided_id: group.token for group in explo_connection.groups}
    (sent,) = [request.body for request in explo_connection.requests if request.user_group_id == "acme"]
    assert json.dumps(sent["properties"]["account"]) == "9007199254740993"
    explo_connection.clear_requests()
    with tenants.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET name = 'New name' WHERE tenant_id = 't7'")
    run = bulk(sql=QUERY, if_exists="update", on_rejected="skip", rejects_table="explo_rejects")
    assert (run.xcom("onboard")["updated"], run.xcom("onboard")["unchanged"]) == (1, 61)
    assert [request.user_group_id for request in explo_connection.requests] == ["t7"]
    with tenants.connect() as connection:
        assert connection.execute(sa.text("SELECT user_group_id, name FROM explo_rejects")).all() == [("zeta", "")]


def test_numbers_keep_their_digits(bulk, tenants, explo_connection):
    """The emulator's own reading of JSON would hide a lost digit, so the second run tells: the content is the same."""
    put(tenants, ("acme", "Acme", None, DIGITS))
    bulk(sql=QUERY)
    with tenants.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tenants")
    put(tenants, ("acme", "Acme", None, DIGITS.replace("6789,", "6788,")))
    assert bulk(sql=QUERY).xcom("onboard")["existing"] == 1


def test_a_sequence_of_parameters_goes_to_the_driver(bulk, tenants):
    put(tenants, ("a", "A", None, None), ("b", "B", None, None), ("c", "C", None, None))
    mark = "%s" if tenants.dialect.name == "postgresql" else "?"
    query = QUERY.replace("ORDER", f"WHERE tenant_id > {mark} ORDER")
    run = bulk(sql=query, parameters=["a"])
    assert run.xcom("onboard")["created"] == 2


def test_named_parameters_are_written_the_same_on_every_database(bulk, tenants):
    put(tenants, ("a", "A", None, None), ("b", "B 100%", None, None), ("c:low", "C", None, None))
    where = "WHERE tenant_id > :low AND name LIKE '%' AND tenant_id <> ':low' AND CAST(:low AS TEXT) = :low -- :none"
    query = QUERY.replace("ORDER", f"{where}\nORDER")
    run = bulk(sql=query, parameters={"low": "a", "unused": 1})
    assert run.xcom("onboard")["created"] == 2


def test_what_is_wrong_with_query_or_table_is_told_before_any_call(bulk, tenants, explo_connection):
    put(tenants, ("a", "A", None, None))
    with tenants.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE short (user_group_id VARCHAR(255), name VARCHAR(255))")
    for arguments, words in (
        ({"sql": "SELECT tenant_id FROM tenants"}, "no column user_group_id"),
        ({"sql": QUERY + " nonsense"}, "reading the tenants"),
        (
            {"sql": QUERY, "token_table": "short"},
            "has no column token, content_hash, explo_conn_id, created_at",
        ),
        ({"sql": QUERY, "token_table": "nowhere.tokens"}, "token table nowhere.tokens"),
    ):
        run = bulk(**arguments)
        assert run.state == "failed"
        assert words in run.log
    assert explo_connection.request_count == 0
