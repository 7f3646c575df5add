"""Tables as six weeks of runs leave them: more than 100,000 rows in the log, 120 tenants who are broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_explo.sql.overview import Overview

LAST = datetime(2026, 3, 3, 12, 30, 15, tzinfo=timezone.utc)
# Rows of each run, the newest first.
SIZES = (2000, *(1000 + 250 * (number * 7 % 9) for number in range(1, 52)))
LOG_ROWS, REJECTS = sum(SIZES), 120
OUTCOMES = {"c": "created", "u": "updated", "r": "rejected", "f": "failed"}
PATTERNS = ("ccurf", "cccccuurf", "uuuuuuuucrf", "ccccccccccccurf")
# A tenant's name is the tenant's own choice.
NASTY = "<script>alert(1)</script>"


def log_rows() -> Iterator[dict[str, Any]]:
    """The newest run first; a few hundred rows a minute; every tenth run is of another DAG."""
    for run, size in enumerate(SIZES):
        pattern = PATTERNS[run % len(PATTERNS)]
        for row in range(size):
            yield {
                "logged_at": LAST - timedelta(hours=20 * run, seconds=row // 5),
                "task": "other_dag/sync" if run % 10 == 9 else f"explo_sync_tenants/sync{'' if run % 2 else '/3'}",
                "run": f"scheduled__{len(SIZES) - run:02}",
                "user_group_id": f"tenant-{row}",
                "name": f"Tenant {row}",
                "outcome": OUTCOMES[pattern[row % len(pattern)]],
                "changes": None,
                "reason": "",
            }


def reject_rows() -> Iterator[dict[str, Any]]:
    for number in range(REJECTS):
        yield {
            "reject_key": f"key-{number}",
            "task": "explo_sync_tenants/sync" if number % 3 else "other_dag/sync",
            "row_number": number,
            "user_group_id": f"broken-{number}",
            "name": f"Tenant {number}" if number != 17 else NASTY,
            "outcome": "rejected" if number % 2 else "failed",
            "reason": "$.mapping: expected an object\n$.name: too short" if number % 2 else "HTTP 503 from Explo",
            "first_seen_at": LAST - timedelta(days=number),
            "last_seen_at": LAST,
        }


def fill(engine: Any) -> Overview:
    """Make and fill both tables.

    :param engine: of their database.
    """
    assert LOG_ROWS >= 100_000
    overview = Overview(engine, log_table="explo_log", rejects_table="explo_rejects")
    for table, rows in ((overview.log, log_rows()), (overview.rejects, reject_rows())):
        table.prepare()
        with engine.begin() as connection:
            connection.execute(table.table.insert(), list(rows))
    return overview
