"""What the demo shows: progress while it runs, and a report at the end. Tokens are masked."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from demo import home, warehouse

COUNTED = ("created", "existing", "unchanged", "rejected", "failed")
SHOWN_CALLS = 500


@dataclass
class Pass:
    """One pass over some days: what was told of it."""

    title: str
    days: int
    calls: int = 0
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one event of ``demo.runs``, and show it where it is news."""
        if "call" in event:
            self.calls += 1
            if self.calls % SHOWN_CALLS == 0:
                print(f"    {self.calls} calls so far", flush=True)
        elif "summary" in event:
            self.summary = event["summary"]
            counts = ", ".join(f"{self.summary[name]} {name}" for name in COUNTED)
            print(f"    {self.summary['rows']} rows: {counts}", flush=True)
        elif event.get("tenant"):
            self.outcomes[event["tenant"]] = event
            print(f"    {event['outcome']:<9} {event['tenant']}", flush=True)
        elif "outcome" in event:
            self.failures.append(f"{event['task']}: {event['reason']}")
            print(f"    failed    {event['task']}", flush=True)
        elif "state" in event:
            print(f"  {event['day']}: run {event['state']}", flush=True)
        else:
            print(f"  {event['day']}", flush=True)

    @property
    def counts(self) -> Counter[str]:
        return Counter(event["outcome"] for event in self.outcomes.values()) + Counter(
            {name: self.summary.get(name, 0) for name in COUNTED}
        )


def masked(token: str | None) -> str:
    """Enough of a token to recognise it, and no more."""
    return f"{token[:4]}…" if token else "none"


def show(passes: list[Pass], *, explo: str) -> None:
    """Print the report."""
    tokens = warehouse.tokens(home.WAREHOUSE)
    first: dict[str, dict[str, Any]] = {}
    for one in passes:
        for tenant, event in one.outcomes.items():
            first.setdefault(tenant, event)
    print("\nTenants")
    for tenant, event in sorted(first.items()):
        print(f"  {tenant:<11} {event['outcome']:<9} token {masked(tokens.get(tenant)):<6} {event.get('name') or ''}")
    print("\nRejected or failed, and why")
    for _, event in sorted(first.items()):
        if "reason" in event:
            print("  " + event["reason"].replace("\n", "\n  "))
    for problem in [problem for one in passes for problem in one.summary.get("problems", [])][:1]:
        print(f"  {problem['reason']}".replace("\n", "\n  "))
        print("  … and more of its kind in the bulk passes; the table explo_rejects keeps them all")
    heads = "".join(f"{name:>10}" for name in COUNTED)
    print(f"\n{'Pass':<38}{'days':>5}{heads}{'calls':>7}{'seconds':>9}")
    for one in passes:
        counts = one.counts
        numbers = "".join(f"{counts[name]:>10}" for name in COUNTED)
        print(f"{one.title:<38}{one.days:>5}{numbers}{one.calls:>7}{one.seconds:>9.1f}")
    for failure in (failure for one in passes for failure in one.failures):
        print(f"  also failed: {failure}")
    shown = home.FOLDER.relative_to(home.PROJECT)
    print(f"\n{len(tokens)} tokens are in the table explo_user_groups of {shown}/warehouse.db. Explo was {explo}.")
    print("The days with a rejected tenant end as failed runs, though their other tenants have their tokens.")
    print("\nWhere to look next")
    print(f"  {shown}/logs/         what Airflow said in each pass")
    print("  dags/               the example DAGs")
    print("  make ui             the same Airflow in a browser")
