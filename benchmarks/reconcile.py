"""Explo's own list against one get-or-create for each tenant: requests, seconds, and memory.

Measured: SqlToExploOperator with ``refresh=True``, its default. It reads a list, and sends what differs. Against: one
get-or-create for each tenant, at best: that many requests at the limit, which find no drift and mend none.

Three cases: tenants of whom a part is missing in Explo and a part has drifted, at a limit that runs 20 times faster
than Explo's; tenants who are all there and of whom nothing is saved, at Explo's own limit; and memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.child import in_child
from benchmarks.onboard import onboard, remember
from benchmarks.report import Report, goal
from benchmarks.world import Explo, explo, tenants, warehouse

WANTED, ACTUAL, DRIFT_PERCENT = 10_000, 9_500, 3
LIMIT, SPEED = 180, 20
PAGE = 1_000
CUSTOMERS = (1_000, 100_000)
RATIO_GOAL, ADOPTION_GOAL, GROWTH_GOAL = 1.1, 60, 20


def measure(folder: Path) -> Report:
    rows = [
        ["one get-or-create each, at best", f"{WANTED:,}", f"{WANTED:,}", "", _minutes(WANTED * 60 / LIMIT), "", ""],
        _drifted(folder),
        _adopted(folder),
    ]
    rows += _memory(folder)
    return Report(
        title="Reconciling with Explo's list",
        columns=["case", "tenants", "requests", "seconds", "at Explo's limit", "peak memory", "goals"],
        rows=rows,
        notes=[
            f"`drift`: {WANTED:,} tenants of whom {ACTUAL:,} are in Explo and in the token table, {DRIFT_PERCENT} % of "
            f"them edited by hand; if_exists is 'update'. Time runs {SPEED} times faster than at Explo: {LIMIT} "
            f"requests in any {60 / SPEED:g} seconds. The token table is SQLite on disk.",
            f"`adoption`: all are in Explo, and the token table is empty. The limit is Explo's own: {LIMIT} a minute.",
            "`memory`: adoption without a limit. The peak is the whole process's, Airflow included.",
        ],
    )


def _drifted(folder: Path) -> list[str]:
    drifted = ACTUAL * DRIFT_PERCENT // 100
    with explo(folder, limit=LIMIT, window=60 / SPEED) as service:
        service.add(_edited(drifted))
        source = warehouse(folder, WANTED)
        in_child(folder, remember, warehouse=source, explo=service.connection(LIMIT * SPEED))
        result, requests = _run(folder, service, source, LIMIT * SPEED, if_exists="update")
        refused = service.requests().get("429", 0)
    changes, pages = WANTED - ACTUAL + drifted, -(-ACTUAL // PAGE)
    ratio = result["sending"] / (changes * 60 / (LIMIT * SPEED))
    aims = [
        goal(f"{changes + pages:,} requests", requests == changes + pages),
        goal("no 429", not refused),
        goal(f"sending: {RATIO_GOAL} of the ideal or less", ratio <= RATIO_GOAL),
    ]
    # Reading and comparing take as long at Explo's limit as here.
    at_limit = _minutes(result["seconds"] - result["sending"] + pages * 60 / LIMIT + result["sending"] * SPEED)
    return ["drift", f"{WANTED:,}", f"{requests:,}", f"{result['seconds']:.1f}", at_limit, "", "; ".join(aims)]


def _edited(count: int) -> Iterator[dict[str, Any]]:
    for number, tenant in enumerate(tenants(ACTUAL)):
        # Spread over all of them.
        yield {**tenant, "name": "Edited"} if number * count // ACTUAL != (number + 1) * count // ACTUAL else tenant


def _adopted(folder: Path) -> list[str]:
    with explo(folder, limit=LIMIT) as service:
        service.add(tenants(WANTED))
        result, requests = _run(folder, service, warehouse(folder, WANTED), LIMIT)
    expected, seconds = WANTED // PAGE, result["seconds"]
    aims = f"{goal(f'{expected} requests', requests == expected)}; "
    aims += goal(f"under {ADOPTION_GOAL} s", seconds < ADOPTION_GOAL)
    return ["adoption", f"{WANTED:,}", f"{requests:,}", f"{seconds:.1f}", f"{seconds:.1f} s", "", aims]


def _memory(folder: Path) -> list[list[str]]:
    rows, peaks = [], []
    for count in CUSTOMERS:
        with explo(folder) as service:
            service.add(tenants(count))
            result, requests = _run(folder, service, warehouse(folder, count))
        peaks.append(result["peak"])
        growth = peaks[-1] - peaks[0]
        aim = goal(f"{GROWTH_GOAL} MiB more or less", growth <= GROWTH_GOAL) if growth else ""
        seconds, peak = f"{result['seconds']:.1f}", f"{peaks[-1]:.0f} MiB"
        rows.append(["memory", f"{count:,}", f"{requests:,}", seconds, "", peak, aim])
    return rows


def _run(folder: Path, service: Explo, source: str, *limit: int, **arguments: Any) -> tuple[dict[str, Any], int]:
    """Run the operator; what came of it, and how many requests it took."""
    service.forget_requests()
    result = in_child(folder, onboard, warehouse=source, explo=service.connection(*limit), **arguments)
    return result, sum(service.requests().values())


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
