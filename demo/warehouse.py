"""An SQLite warehouse with the tenants of a small SaaS company, with the quirks that real data has."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST_DAY = date(2026, 3, 2)
DAYS = 5
SIGNUPS_A_DAY = 7
# The day on which many tenants came at once: for the bulk DAG.
BULK_DAY = date(2026, 3, 9)
BAD_BULK_TENANTS = 5

NAMES = (
    "Acme GmbH",
    'The "Quoted" Company',
    "O'Reilly & Sons",
    "Müller, Weiß & Söhne",
    "株式会社サンプル",
    "Emoji Toys 🧸🚀",
    "شركة المثال",
    "Łódź Łodzie S.A.",
    "{{ not.a.template }}",
    "'Literal'",
    "Null",
    "Robert'); DROP TABLE tenants;--",
)

SCHEMA = """
CREATE TABLE tenants (
    tenant_id TEXT PRIMARY KEY,
    name TEXT,
    signed_up_at TEXT NOT NULL,
    mapping TEXT,
    properties TEXT
)
"""


def build(path: Path, *, bulk: int) -> tuple[int, int]:
    """Write the warehouse anew.

    :param bulk: how many tenants came at once.
    :returns: how many tenants signed up in the first days, and on the bulk day.
    """
    path.unlink(missing_ok=True)
    rows, many = list(_tenants()), list(_bulk_tenants(bulk))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(SCHEMA)
        connection.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?)", rows + many)
    return len(rows), len(many)


def tokens(path: Path) -> dict[str, str]:
    """The token table, as tenant id to token."""
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'explo_user_groups'").fetchone():
            return {}
        return dict(connection.execute("SELECT user_group_id, token FROM explo_user_groups"))


def days() -> list[date]:
    """The days on which tenants signed up."""
    return [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]


def _tenants() -> Any:
    for number in range(DAYS * SIGNUPS_A_DAY):
        day, place = divmod(number, SIGNUPS_A_DAY)
        # The first tenant of each day signed up exactly at midnight: it belongs to this day and to no other.
        moment = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day, hours=3 * place)
        properties: Any = {"plan": ("free", "team", "enterprise")[number % 3], "seats": 5 * number + 1}
        if number == 4:
            properties = None
        if number == 8:
            properties = {"account": 9007199254740993, "region": "日本"}
        yield _row(f"demo-{number + 1:03}", NAMES[number % len(NAMES)], moment, {"40": str(200 + number)}, properties)
    yield _row("demo-bad-1", "Data Source Missing Inc.", datetime(2026, 3, 2, 20, 15), {"40": ""}, {"plan": "free"})
    yield ("demo-bad-2", "  ", "2026-03-04T11:30:00Z", '{"forty": "213"}', "{'plan': 'team'}")


def _bulk_tenants(count: int) -> Any:
    midnight = datetime.combine(BULK_DAY, datetime.min.time())
    for number in range(count):
        name = f"{NAMES[number % len(NAMES)]} {number + 1}"
        properties = {"plan": ("free", "team", "enterprise")[number % 3], "seats": number % 40 + 1}
        moment = midnight + timedelta(seconds=40 * number)
        yield _row(f"bulk-{number + 1:04}", name, moment, {"40": str(1000 + number)}, properties)
    for number in range(BAD_BULK_TENANTS):
        yield _row(f"bulk-bad-{number + 1}", "Wrong Data Ltd.", midnight, {"40": "", "forty": "1"}, {"plan": "free"})


def _row(tenant_id: str, name: str, moment: datetime, mapping: Any, properties: Any) -> tuple[str | None, ...]:
    stored = None if properties is None else json.dumps(properties, ensure_ascii=False)
    return tenant_id, name, f"{moment.isoformat()}Z", json.dumps(mapping), stored
