"""The rights that the documentation names for each table: all of them are enough, and each of them is needed."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import datetime, timezone

import pytest
import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sql.customers_table import CustomersTable
from airflow_provider_explo.sql.log_table import LogEntry, LogTable
from airflow_provider_explo.sql.rejects_table import RejectsTable
from airflow_provider_explo.tenants.outcome import Outcome
from airflow_provider_explo.token_table import TokenRow, TokenTable
from tests.docs.blocks import ROOT

ROW = re.compile(r"^\| (.+) \| (`SELECT`, .+) \|$", re.MULTILINE)
NOW = datetime(2026, 3, 2, tzinfo=timezone.utc)
ACME = TokenRow(user_group_id="acme", name="Acme", token="the-token-of-acme", content_hash="1:aa")


def keep_tokens(engine):
    with TokenTable(engine) as table:
        table.prepare()
        table.save(ACME)
        table.save(replace(ACME, name="Acme GmbH"))
        assert table.count() == 1


def delete_tokens(engine):
    keep_tokens(engine)
    with TokenTable(engine) as table:
        table.delete("acme")
        assert table.count() == 0


def keep_rejects(engine):
    for outcomes in ([("acme", "rejected"), ("bolt", "failed")], [("acme", "rejected"), ("bolt", "created")]):
        with RejectsTable(engine, "explo_rejects", task="dag.task") as table:
            table.prepare()
            table.record([Outcome(row=1, user_group_id=name, kind=kind) for name, kind in outcomes])
            table.finish()


def keep_log(engine):
    with LogTable(engine, "explo_log", task="dag.task", run="run") as table:
        table.prepare()
        table.add([LogEntry(user_group_id="acme", name="Acme", outcome="created", reason="")])


def keep_inventory(engine):
    with CustomersTable(engine) as table:
        table.prepare()
        row = dict.fromkeys(table.row_columns) | {"provided_id": "acme"}
        for _ in range(2):
            table.replace(lambda: [[row]], synced_at=NOW)
        assert table.count() == 1


# By how the documentation's row begins: the table, and all that is done with it.
USES = {
    "`token_table`": ("explo_user_groups", keep_tokens),
    "`token_table`, with": ("explo_user_groups", delete_tokens),
    "`rejects_table`": ("explo_rejects", keep_rejects),
    "`log_table`": ("explo_log", keep_log),
    "the inventory": ("explo_customers", keep_inventory),
}


def documented():
    for subject, rights in ROW.findall((ROOT / "docs" / "security.md").read_text()):
        use = max((use for use in USES if subject.startswith(use)), key=len)
        yield use, tuple(re.findall(r"[A-Z]+", rights))


def test_each_table_is_documented():
    assert [use for use, _ in documented()] == list(USES)


@pytest.fixture
def owner(postgres):
    engine = sa.create_engine(postgres.database(f"rights_{time.monotonic_ns()}"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE limited LOGIN")
    for table in TokenTable(engine), RejectsTable(engine, "explo_rejects", task=""), CustomersTable(engine):
        table.create_if_missing()
    LogTable(engine, "explo_log", task="", run="").create_if_missing()
    yield engine
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY limited")
        connection.exec_driver_sql("DROP ROLE limited")
    engine.dispose()


@pytest.mark.parametrize(("use", "rights"), list(documented()))
def test_the_documented_rights_are_enough_and_none_is_too_many(owner, use, rights):
    table, work = USES[use]
    user = sa.create_engine(owner.url.set(username="limited"))

    def grant(*names):
        with owner.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {table}")
            connection.exec_driver_sql(f"REVOKE ALL ON {table} FROM limited")
            connection.exec_driver_sql(f"GRANT {', '.join(names)} ON {table} TO limited")

    for missing in rights:
        grant(*(name for name in rights if name != missing))
        with pytest.raises(ExploError, match="permission denied"):
            work(user)
    grant(*rights)
    work(user)
