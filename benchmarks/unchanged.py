"""Tenants who are all known, and of whom nothing has changed: microseconds a row.

Measured: SqlToExploOperator, with Explo's own list (``refresh=True``, its default) and trusting the token table.
Against:
a loop over the driver's ``fetchmany`` that reads the JSON of the same rows and hashes each; and that loop with one over
a bare requests.Session that reads the same list.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks.child import in_child
from benchmarks.onboard import onboard, remember
from benchmarks.report import Report, goal
from benchmarks.world import SQL, explo, tenants, warehouse

TENANTS = 100_000
ROUNDS = 3
CHUNK = 500
RATIO_GOAL = 3


def measure(folder: Path) -> Report:
    with explo(folder) as service:
        source = {"warehouse": warehouse(folder, TENANTS), "explo": service.connection()}
        service.add(tenants(TENANTS))
        in_child(folder, remember, **source)
        listed = {"url": service.url, "token": service.token}
        cases = {
            "fetchmany, json.loads and a hash": lambda: in_child(folder, bare_rows, warehouse=source["warehouse"]),
            "SqlToExploOperator, refresh=False": lambda: in_child(folder, onboard, **source, refresh=False)["seconds"],
            "that loop, and the list": lambda: (
                in_child(folder, bare_rows, warehouse=source["warehouse"]) + in_child(folder, bare_list, **listed)
            ),
            "SqlToExploOperator, refresh=True": lambda: in_child(folder, onboard, **source)["seconds"],
        }
        turns = [[case() for case in cases.values()] for _ in range(ROUNDS)]
    bare, trusting, bare_with_list, refreshed = (median(times) for times in zip(*turns, strict=True))
    rows = []
    for name, seconds, base in zip(
        cases, (bare, trusting, bare_with_list, refreshed), (bare, bare, bare_with_list, bare_with_list), strict=True
    ):
        ratio = seconds / base
        aim = goal(f"{RATIO_GOAL} or less", ratio <= RATIO_GOAL) if seconds != base else ""
        speed = f"{seconds / TENANTS * 1e6:.0f} µs"
        rows.append([name, f"{seconds:.1f}", speed, f"{ratio:.1f}", f"{seconds / bare:.1f}", aim])
    return Report(
        title="Nothing has changed",
        columns=["contender", "seconds", "a row", "ratio", "over fetchmany", "goals"],
        rows=rows,
        notes=[
            f"{TENANTS:,} tenants; medians of {ROUNDS} rounds, in turns. `ratio` is to the loop that does the same "
            "reading. At Explo's own limit the list alone takes a third of a second for each 1,000 customers."
        ],
    )


def bare_rows(*, warehouse: str) -> float:
    """Read rows as the driver gives them, their JSON, and a hash of each."""
    import hashlib
    import json
    import sqlite3
    import time
    from contextlib import closing

    begun = time.perf_counter()
    with closing(sqlite3.connect(json.loads(warehouse)["host"])) as database:
        cursor = database.execute(SQL)
        while rows := cursor.fetchmany(CHUNK):
            for user_group_id, name, mapping, properties in rows:
                content = [user_group_id, name, json.loads(mapping), json.loads(properties)]
                hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return time.perf_counter() - begun


def bare_list(*, url: str, token: str) -> float:
    """Read the list, and count what is in it."""
    import time

    from benchmarks.bare import customers, session

    begun = time.perf_counter()
    with session(token) as opened:
        assert sum(map(len, customers(opened, url))) == TENANTS
    return time.perf_counter() - begun
