"""A token table whose database has no room left."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sql.token_table import TokenTable


def test_a_full_disk_is_named_and_left_to_a_retry(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path}/tokens.db")
    table = TokenTable(engine)
    table.prepare()

    @sa.event.listens_for(engine, "checkout")
    def allow_no_more_pages(connection, record, proxy):
        connection.execute("PRAGMA max_page_count = 1")

    rows = [
        TokenRow(user_group_id=f"t{n}", name="T", token=f"a-token-of-{n}-{'x' * 200}", content_hash="1:a")
        for n in range(100)
    ]
    with pytest.raises(ExploError, match=r"database or disk is full\n  fix: free space on the disk of that") as caught:
        table.save_all(rows)
    assert type(caught.value) is ExploError
    assert "a-token-of" not in str(caught.value)
    assert table.known(["t1"]) == {}
    engine.dispose()
