"""A backfill of tenants of whom 95 % are known already, and then of the same tenants once more: requests and seconds.

Measured: SqlToExploOperator, without a rate limit. Against: sending every tenant again, which is one request each.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.child import in_child
from benchmarks.onboard import onboard, remember
from benchmarks.report import Report, goal
from benchmarks.world import Explo, explo, warehouse

COUNTS = (1_000, 10_000, 100_000)
KNOWN_PERCENT = 95
SECONDS_GOAL = 30


def measure(folder: Path) -> Report:
    with explo(folder) as service:
        rows = [row for count in COUNTS for row in _rows(folder, service, count)]
    return Report(
        title="A backfill",
        columns=["tenants", "known", "requests", "requests / tenants", "seconds", "goals"],
        rows=rows,
        notes=["The seconds are those of the task's work, without Airflow's own start of a task, and without a limit."],
    )


def _rows(folder: Path, service: Explo, count: int) -> list[list[str]]:
    known = count * KNOWN_PERCENT // 100
    source = warehouse(folder, count)
    in_child(folder, remember, warehouse=source, known=known)
    rows = []
    for share, new in ((f"{KNOWN_PERCENT} %", count - known), ("100 %", 0)):
        seconds = in_child(folder, onboard, warehouse=source, explo=service.connection())["seconds"]
        requests = sum(service.requests().values())
        service.reset()
        aims = goal(f"{new:,} requests", requests == new)
        if count == COUNTS[-1] and not new:
            aims += f"; {goal(f'under {SECONDS_GOAL} s', seconds < SECONDS_GOAL)}"
        rows.append([f"{count:,}", share, f"{requests:,}", f"{requests / count:.0%}", f"{seconds:.1f}", aims])
    return rows
