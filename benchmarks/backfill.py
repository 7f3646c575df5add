"""A backfill of tenants of whom 95 % are known already, and then of the same tenants once more: requests and seconds.

Measured: SqlToExploOperator, without a rate limit, once trusting the token table and once with Explo's own list.
Against: sending every tenant again, which is one request each.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.child import in_child
from benchmarks.onboard import onboard, remember
from benchmarks.report import Report, goal
from benchmarks.world import Explo, explo, tenants, warehouse

COUNTS = (1_000, 10_000, 100_000)
KNOWN_PERCENT = 95
SECONDS_GOAL = 30
PAGE = 1_000


def measure(folder: Path) -> Report:
    with explo(folder) as service:
        rows = [row for count in COUNTS for row in _rows(folder, service, count)]
    return Report(
        title="A backfill",
        columns=["tenants", "known", "refresh", "requests", "requests / tenants", "seconds", "goals"],
        rows=rows,
        notes=["The seconds are those of the task's work, without Airflow's own start of a task, and without a limit."],
    )


def _rows(folder: Path, service: Explo, count: int) -> list[list[str]]:
    known = count * KNOWN_PERCENT // 100
    source = {"warehouse": warehouse(folder, count), "explo": service.connection()}
    service.add(tenants(known))
    in_child(folder, remember, **source)
    rows = []
    for share, refresh, expected in (
        (f"{KNOWN_PERCENT} %", False, count - known),
        ("100 %", False, 0),
        ("100 %", True, count // PAGE),
    ):
        service.forget_requests()
        seconds = in_child(folder, onboard, **source, refresh=refresh)["seconds"]
        requests = sum(service.requests().values())
        aims = goal(f"{expected:,} requests", requests == expected)
        if count == COUNTS[-1] and share == "100 %":
            aims += f"; {goal(f'under {SECONDS_GOAL} s', seconds < SECONDS_GOAL)}"
        used = "yes" if refresh else "no"
        rows.append([f"{count:,}", share, used, f"{requests:,}", f"{requests / count:.1%}", f"{seconds:.1f}", aims])
    service.reset()
    return rows
