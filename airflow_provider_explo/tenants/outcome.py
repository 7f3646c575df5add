"""The outcome of each row, and the summary of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from airflow_provider_explo.exceptions import ExploError, counted, preview
from airflow_provider_explo.tenants.cause import Causes
from airflow_provider_explo.tenants.page import log_page, markdown_page

Kind = Literal[
    "created", "existing", "updated", "token_updated", "unchanged", "deleted", "orphaned", "rejected", "failed"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
RARE_KINDS = ("token_updated", "deleted", "orphaned")
PROBLEM_KINDS = ("rejected", "failed")
# Explo, or a token that is valid there, is not what it was.
CHANGED_KINDS: tuple[Kind, ...] = ("created", "updated", "token_updated", "deleted")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one row.

    :param row: its number in the result of the query, from 1.
    :param user_group_id: the tenant's id, or a preview of the value in its place.
    :param name: the tenant's name, if it has one.
    :param kind: one of :data:`KINDS`.
    :param reason: why, in words; never with a token.
    :param drift: an existing group is kept although it differs from the row.
    :param can_retry: a retry may succeed.
    :param error: why it was rejected or failed, where that is an error.
    :param unsent: the run stopped sending before it, because of that error.
    """

    row: int
    user_group_id: str
    name: str | None = None
    kind: Kind
    reason: str = ""
    drift: bool = False
    can_retry: bool = False
    error: ExploError | None = None
    unsent: bool = False

    @property
    def is_problem(self) -> bool:
        """Whether it needs attention."""
        return self.kind in PROBLEM_KINDS

    def __str__(self) -> str:
        reason = "".join(f"\n  {line}" for line in self.reason.splitlines())
        # A tenant who is not in the query has no row.
        row = f"row {self.row}, " if self.row else ""
        return f"{row}tenant {preview(self.user_group_id)}: {self.kind}{reason}"


@dataclass
class Summary:
    """Counts of a run's outcomes, and its problems by cause: small, however many rows there are."""

    counts: Counter[Kind] = field(default_factory=Counter)
    causes: Causes = field(default_factory=Causes)
    permanent_failures: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count a row's outcome."""
        self.counts[outcome.kind] += 1
        self.permanent_failures += outcome.kind == "failed" and not outcome.can_retry
        if outcome.is_problem:
            self.causes.add(
                outcome.kind,
                row=outcome.row,
                user_group_id=outcome.user_group_id,
                reason=outcome.reason,
                error=outcome.error,
                unsent=outcome.unsent,
            )

    @property
    def rows(self) -> int:
        """Rows that have an outcome."""
        return self.counts.total()

    @property
    def can_retry(self) -> bool:
        """Whether a retry may fix a failure."""
        return self.counts["failed"] > self.permanent_failures

    def as_dict(self) -> dict[str, Any]:
        """Plain values for XCom: a count for each kind, ``rows``, ``problems`` (by cause) and ``text`` (Markdown)."""
        return {
            "rows": self.rows,
            **{kind: self.counts[kind] for kind in KINDS},
            "problems": [cause.as_dict() for cause in self.causes],
            "text": markdown_page(f"{counted(self.rows, 'row')}: {self}", list(self.causes)),
        }

    def page(self, *tail: str) -> str:
        """The message of a run that fails: counts, and its causes, on a page.

        :param tail: what else ended it, and what to do next.
        """
        lines = list(tail)
        if self.counts["rejected"]:
            lines.insert(0, "Fix rejected rows at their source.")
        return log_page(f"Of {counted(self.rows, 'row')}: {self}", list(self.causes), lines)

    def __str__(self) -> str:
        # Those that need an argument or a change in Explo are named where there are any.
        shown = [kind for kind in KINDS if self.counts[kind] or kind not in RARE_KINDS]
        return ", ".join(f"{self.counts[kind]:,} {kind}" for kind in shown)
