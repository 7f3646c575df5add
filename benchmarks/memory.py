"""Peak memory against the number of tenants, where all are new and where all are known.

Measured: SqlToExploOperator, in a process of its own for each number. Against: itself with a thousand tenants.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.child import in_child
from benchmarks.onboard import onboard
from benchmarks.report import Report, goal
from benchmarks.world import explo, warehouse

COUNTS = (1_000, 10_000, 100_000)
GROWTH_GOAL = 20


def measure(folder: Path) -> Report:
    peaks: dict[str, list[float]] = {"all new": [], "all known": []}
    with explo(folder) as service:
        for count in COUNTS:
            source = warehouse(folder, count)
            for measured in peaks.values():
                measured.append(in_child(folder, onboard, warehouse=source, explo=service.connection())["peak"])
            service.reset()
    rows = []
    for case, measured in peaks.items():
        for count, peak in zip(COUNTS, measured, strict=True):
            growth = peak - measured[0]
            aim = goal(f"{GROWTH_GOAL} MiB or less", growth <= GROWTH_GOAL) if count > COUNTS[0] else ""
            rows.append([case, f"{count:,}", f"{peak:.0f} MiB", f"{growth:+.1f} MiB", f"{peak / measured[0]:.2f}", aim])
    return Report(
        title="Memory",
        columns=["tenants are", "tenants", "peak", f"over {COUNTS[0]:,}", "ratio", "goals"],
        rows=rows,
        notes=[
            "The peak is the whole process's, Airflow included. The known ones are those that were new just before."
        ],
    )
