"""What the demo shows: progress while it runs, and a report at the end. Tokens are masked."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from demo import home, warehouse

OUTCOMES = ("created", "existing", "updated", "unchanged", "rejected", "failed")
REQUESTS_PER_LINE = 500
SHOWN_TOKENS = 5


@dataclass
class Pass:
    """What happened in one step: ``tenants`` of operators that serve one each, ``summary`` of the sync."""

    title: str
    dag_id: str
    run_id: str = ""
    requests: int = 0
    tenants: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def record(self, event: dict[str, Any]) -> None:
        """Take in one event of ``demo.runs``, and show it where it is news."""
        if "request" in event:
            self.requests += 1
            if self.requests % REQUESTS_PER_LINE == 0:
                print(f"    {self.requests} requests so far", flush=True)
        elif "summary" in event:
            self.summary = event["summary"]
            counts = ", ".join(f"{self.summary[name]} {name}" for name in OUTCOMES if self.summary[name])
            print(f"    {self.summary['rows']} rows: {counts}", flush=True)
        elif "tenant" in event:
            self.tenants.append(event)
            print(f"    {event['outcome']:<9} {event['tenant']}", flush=True)
        elif "state" in event:
            self.seconds = event["seconds"]
            self.run_id = event["run_id"]
            print(f"    run: {event['state']}", flush=True)

    def page(self, task_id: str) -> str:
        """The path in Airflow's UI of the run's task, which shows its log."""
        return f"/dags/{self.dag_id}/runs/{quote(self.run_id)}/tasks/{task_id}"

    @property
    def counts(self) -> Counter[str]:
        single = Counter(event["outcome"] for event in self.tenants)
        return single + Counter({name: self.summary.get(name, 0) for name in OUTCOMES})

    @property
    def problems(self) -> dict[str, list[str]]:
        """What was wrong, of a sync by cause and of a tenant by tenant, with what is known about it."""
        found = {event["tenant"]: event["reason"].splitlines() for event in self.tenants if "reason" in event}
        for cause in self.summary.get("problems", []):
            names = ", ".join(example["user_group_id"] for example in cause["examples"])
            lines = [f"{cause['count']} {cause['outcome']}, such as {names}", *([cause["fix"]] if cause["fix"] else [])]
            found[cause["cause"]] = lines
        return found


def masked(token: str) -> str:
    """Enough of a token to recognise it, and no more."""
    return f"{token[:4]}…"


def show(passes: list[Pass], *, explo: str) -> None:
    """Print the report."""
    tokens = warehouse.tokens(home.WAREHOUSE)
    print("\nRejected, and why")
    for subject, lines in {subject: lines for done in passes for subject, lines in done.problems.items()}.items():
        print(f"  {subject}")
        for line in lines:
            # Its first line names the tenant, where one has a task of its own.
            if not line.startswith("tenant "):
                print(f"    {line}")
    heads = "".join(f"{name:>10}" for name in OUTCOMES)
    print(f"\n{'Step':<42}{heads}{'requests':>10}{'seconds':>9}")
    for done in passes:
        counts = done.counts
        numbers = "".join(f"{counts[name]:>10}" for name in OUTCOMES)
        print(f"{done.title:<42}{numbers}{done.requests:>10}{done.seconds:>9.1f}")
    folder = os.path.relpath(home.FOLDER, home.PROJECT)
    shown = ", ".join(f"{tenant} {masked(token)}" for tenant, token in [*tokens.items()][:SHOWN_TOKENS])
    print(f"\n{len(tokens)} tokens are in the table explo_user_groups of {folder}/warehouse.db: {shown} …")
    print(f"Rejected tenants are in its table explo_rejects. Explo was {explo}.")
    print("A run with a rejected tenant ends as failed, though its other tenants have their tokens.")
    print("\nWhere to look next")
    print(f"  {folder}/logs/         Airflow's log, and each task's")
    print("  dags/               the example DAGs")
    print("  make ui             these runs in a browser, and a plan that waits for your approval")
