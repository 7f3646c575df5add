"""Rows in a temporary file, and a disk that is full."""

from __future__ import annotations

import pytest

from airflow_provider_explo.exceptions import ExploConfigError, ExploError
from airflow_provider_explo.sql.temporary_database import temporary_database


@pytest.mark.parametrize("many", [False, True])
def test_a_disk_that_is_full(tmp_path, monkeypatch, many):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("SQLITE_TMPDIR", raising=False)
    database = temporary_database("CREATE TABLE rows (value)")
    database.execute("PRAGMA max_page_count = 20")
    rows = [("x" * 1000,)] * 200
    insert = "INSERT INTO rows VALUES (?)"
    with pytest.raises(ExploError) as caught:
        database.executemany(insert, rows) if many else [database.execute(insert, row) for row in rows]
    database.close()
    assert not isinstance(caught.value, ExploConfigError)
    summary, found, fix = str(caught.value).splitlines()
    assert summary == "the run's temporary file cannot be written: database or disk is full"
    assert found.startswith(f"  found: {tmp_path}, ")
    assert found.endswith(" MiB free")
    assert fix == "  fix: free space there, or set TMPDIR to a folder that has more; then retry"
