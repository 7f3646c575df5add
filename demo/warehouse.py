"""An SQLite warehouse with the tenants of a SaaS company, with the quirks that real data has."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

# The day whose new tenants come in a step of their own: yesterday.
NEW_DAY = datetime.now(timezone.utc).date() - timedelta(days=1)
FIRST_DAY = NEW_DAY - timedelta(days=7)
NEW_TENANTS = 5
EDITED_IN_EXPLO = "demo-0002"

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
Row = tuple[Any, ...]


def build(path: Path, *, count: int) -> int:
    """Write a new warehouse.

    :param count: how many tenants there are, beside the bad ones.
    :returns: how many rows it has.
    """
    path.unlink(missing_ok=True)
    rows = [*_tenants(count), *_bad_tenants()]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(SCHEMA)
        _insert(connection, rows)
    return len(rows)


def change(path: Path) -> None:
    """What happens in a warehouse overnight: a tenant changes its plan, one is corrected, and one comes late."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tenants SET properties = '{\"plan\": \"enterprise\"}' WHERE tenant_id = 'demo-0001'")
        connection.execute("UPDATE tenants SET mapping = '{\"40\": \"213\"}' WHERE tenant_id = 'demo-bad-1'")
        late = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(hours=23, minutes=59, seconds=50)
        _insert(connection, [_row("demo-late", "Late Arrivals AG", late, {"40": "999"}, {"plan": "free"})])


def add_new_tenants(path: Path) -> None:
    """The tenants of the new day; one of them is bad."""
    midnight = datetime.combine(NEW_DAY, datetime.min.time())
    rows = [
        # The first one signed up exactly at midnight: it belongs to this day and to no other.
        _row(f"new-{number + 1}", NAMES[number], midnight + timedelta(hours=4 * number), {"40": str(300 + number)}, {})
        for number in range(NEW_TENANTS)
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        _insert(connection, [*rows, ("new-bad", "  ", f"{NEW_DAY}T11:30:00Z", '{"forty": "213"}', "{'plan': 'team'}")])


def change_again(path: Path) -> None:
    """What the plan finds that waits for approval: a tenant is renamed, and two are new."""
    now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tenants SET name = 'Acme SE' WHERE tenant_id = 'demo-0001'")
        for number in (1, 2):
            _insert(connection, [_row(f"today-{number}", NAMES[-number], now, {"40": str(400 + number)}, {})])


def tokens(path: Path) -> dict[str, str]:
    """The token table, as tenant id to token."""
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'explo_user_groups'").fetchone():
            return {}
        return dict(connection.execute("SELECT user_group_id, token FROM explo_user_groups"))


def _tenants(count: int) -> Iterator[Row]:
    moment = datetime.combine(FIRST_DAY, datetime.min.time())
    for number in range(count):
        properties: Any = {"plan": ("free", "team", "enterprise")[number % 3], "seats": number % 40 + 1}
        if number == 4:
            properties = None
        if number == 8:
            properties = {"account": 9007199254740993, "region": "日本"}
        name = NAMES[number] if number < len(NAMES) else f"{NAMES[number % len(NAMES)]} {number + 1}"
        yield _row(f"demo-{number + 1:04}", name, moment, {"40": str(1000 + number)}, properties)
        moment += timedelta(seconds=280)


def _bad_tenants() -> Iterator[Row]:
    noon = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(hours=12)
    yield _row("demo-bad-1", "Data Source Missing Inc.", noon, {"40": ""}, {"plan": "free"})
    yield ("demo-bad-2", "  ", f"{noon.isoformat()}Z", '{"forty": "213"}', "{'plan': 'team'}")
    yield _row("demo-bad-3", "Line\nBreak Ltd.", noon, {"40": "213"}, {"plan": "team"})


def _row(tenant_id: str, name: str, moment: datetime, mapping: Any, properties: Any) -> Row:
    stored = None if properties is None else json.dumps(properties, ensure_ascii=False)
    return tenant_id, name, f"{moment.isoformat()}Z", json.dumps(mapping), stored


def _insert(connection: sqlite3.Connection, rows: list[Row]) -> None:
    connection.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?)", rows)
