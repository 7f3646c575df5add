"""What became of each row, and the summary of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["created", "existing", "updated", "unchanged", "rejected", "failed"]
KINDS: tuple[Kind, ...] = ("created", "existing", "updated", "unchanged", "rejected", "failed")
# Of what is settled without a call.
OUTCOME_OF: dict[str, Kind] = {"unchanged": "unchanged", "drift": "existing", "refuse": "failed", "reject": "rejected"}
PROBLEM_KINDS = ("rejected", "failed")
FIRST_PROBLEMS = 20


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one row.

    :param row: its number in the result of the query, from 1.
    :param user_group_id: the tenant's id, or how what stands in its place looks.
    :param name: the tenant's name, if it has one.
    :param kind: one of :data:`KINDS`.
    :param reason: why, in words; never with a token.
    :param drift: an existing group is kept though it differs from the row.
    :param can_retry: trying again may mend it.
    """

    row: int
    user_group_id: str
    name: str | None = None
    kind: Kind
    reason: str = ""
    drift: bool = False
    can_retry: bool = False

    @property
    def is_problem(self) -> bool:
        """Whether somebody has to look at it."""
        return self.kind in PROBLEM_KINDS

    def __str__(self) -> str:
        return f"row {self.row}, tenant {self.user_group_id!r}, {self.kind}: {self.reason}"


@dataclass
class Summary:
    """Counts of a run's outcomes, and its first problems: small, however many rows there are."""

    counts: Counter[Kind] = field(default_factory=Counter)
    problems: list[Outcome] = field(default_factory=list)
    failed_for_good: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a row's outcome."""
        self.counts[outcome.kind] += 1
        self.failed_for_good += outcome.kind == "failed" and not outcome.can_retry
        if outcome.is_problem and len(self.problems) < FIRST_PROBLEMS:
            self.problems.append(outcome)

    @property
    def rows(self) -> int:
        """Rows that have an outcome."""
        return sum(self.counts.values())

    @property
    def can_retry(self) -> bool:
        """Whether trying again may mend a failure."""
        return self.counts["failed"] > self.failed_for_good

    def as_dict(self) -> dict[str, Any]:
        """Plain values for XCom: a count for each kind, ``rows``, and up to 20 ``problems``."""
        return {
            "rows": self.rows,
            **{kind: self.counts[kind] for kind in KINDS},
            "problems": [
                {
                    "row": problem.row,
                    "user_group_id": problem.user_group_id,
                    "outcome": problem.kind,
                    "reason": problem.reason,
                }
                for problem in self.problems
            ],
        }

    def failure(self) -> str:
        """What to tell where the run ends as a failure."""
        shown = [f"  - {problem}" for problem in self.problems]
        count = self.counts["rejected"] + self.counts["failed"]
        if count > len(shown):
            shown.append(f"  - and {count - len(shown):,} more, in the log above")
        advice = []
        if self.counts["rejected"]:
            advice.append("Correct rejected rows where they come from.")
        if self.can_retry:
            advice.append("What could not be sent may be sent by trying again.")
        advice.append("Tenants that are done cost no call in the next run.")
        return "\n".join([f"Of {self.rows:,} rows: {self}", *shown, " ".join(advice)])

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[kind]:,} {kind}" for kind in KINDS)
