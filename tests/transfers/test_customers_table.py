"""The customers table, and the spool that its rows wait in."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploConfigError
from airflow_provider_explo.sql.customers_table import CustomersTable
from airflow_provider_explo.sql.row_spool import RowSpool
from airflow_provider_explo.sql.table import utc_now
from tests.errors import everything_shown, failure
from tests.transfers.inventory import COLUMNS, ids_in


def customer_rows(*names):
    return [{**dict.fromkeys(COLUMNS[:-1]), "provided_id": name, "token": f"secret-of-{name}"} for name in names]


def test_a_row_that_the_database_refuses_leaves_the_old_rows_and_shows_no_token(anywhere):
    table = CustomersTable(anywhere, include_tokens=True)
    table.prepare()
    table.replace(lambda: [customer_rows("a", "b")], synced_at=utc_now())
    error = failure(lambda: table.replace(lambda: [customer_rows("c"), customer_rows("c")], synced_at=utc_now()))
    assert type(error) is ExploConfigError
    assert "customers table explo_customers: replacing its rows: " in str(error)
    assert "secret-of" not in everything_shown(error)
    assert ids_in(anywhere) == ["a", "b"]

    def interrupted():
        yield customer_rows("d")
        raise KeyboardInterrupt

    error = failure(lambda: table.replace(interrupted, synced_at=utc_now()))
    assert type(error) is KeyboardInterrupt
    assert "secret-of" not in everything_shown(error)
    assert ids_in(anywhere) == ["a", "b"]


def test_readers_see_the_old_list_or_the_new(anywhere):
    if anywhere.dialect.name == "sqlite":
        pytest.skip("its readers wait while another connection writes")
    table = CustomersTable(anywhere)
    table.prepare()
    table.replace(lambda: [customer_rows("a", "b")], synced_at=utc_now())
    seen = []

    def batches():
        seen.append(ids_in(anywhere))
        yield customer_rows("c")
        seen.append(ids_in(anywhere))
        yield customer_rows("d")

    table.replace(batches, synced_at=utc_now())
    assert seen == [["a", "b"], ["a", "b"]]
    assert ids_in(anywhere) == ["c", "d"]


def test_two_at_once_give_one_list(postgres):
    url = postgres.database(f"warehouse_{time.monotonic_ns()}")
    errors = []

    def replace(together):
        engine = sa.create_engine(url)
        try:
            table = CustomersTable(engine)
            table.prepare()
            together.wait(10)
            table.replace(lambda: [customer_rows(*(f"{n:04}" for n in range(500)))], synced_at=utc_now())
        except Exception as error:
            errors.append(error)
        finally:
            engine.dispose()

    together = threading.Barrier(2)
    threads = [threading.Thread(target=replace, args=(together,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    engine = sa.create_engine(url)
    assert len(ids_in(engine)) == 500
    engine.dispose()


def test_a_spool_keeps_the_last_row_of_each_key():
    with RowSpool(["key", "value"]) as spool:
        spool.put({"key": str(number), "value": number, "ignored": object()} for number in range(5))
        spool.put([{"key": "3", "value": None}])
        assert len(spool) == 5
        batches = list(spool.batches(2))
        assert [len(batch) for batch in batches] == [2, 2, 1]
        assert [row["value"] for batch in batches for row in batch] == [0, 1, 2, 4, None]
        assert list(spool.batches(2)) == batches
