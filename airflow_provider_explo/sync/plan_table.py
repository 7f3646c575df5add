"""The plan of a dry run: a table for the log, and plain values for XCom."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_explo.exceptions import preview
from airflow_provider_explo.sync.plan import Action, Change

ACTION_LABELS: Mapping[Action, str] = {
    "create": "to create",
    "update": "to update",
    "unchanged": "unchanged",
    "drift": "drifted",
    "refuse": "refused",
    "reject": "rejected",
}
MAX_PLAN_ROWS = 1000


class PlanTable:
    """The plan of a dry run: every row that needs a request or attention, and unchanged ones while there is room.

    :param chunks: the planned rows; read to their end at once.
    """

    def __init__(self, chunks: Iterable[Sequence[Change]]) -> None:
        self.counts: Counter[Action] = Counter()
        notable: list[Change] = []
        unchanged: list[Change] = []
        for change in (change for chunk in chunks for change in chunk):
            self.counts[change.action] += 1
            rows = unchanged if change.action == "unchanged" else notable
            if len(rows) < MAX_PLAN_ROWS:
                rows.append(change)
        self._rows = sorted((notable + unchanged)[:MAX_PLAN_ROWS], key=lambda change: change.row)
        self.left_out = self.counts.total() - len(self._rows)

    def lines(self) -> Iterator[str]:
        """The table, one line per row: ids are escaped and shortened."""
        yield f"{'row':>7}  {'action':<9}  user_group_id: reason"
        for change in self._rows:
            reason = textwrap.shorten(change.reason, 200, placeholder="…")
            yield f"{change.row:>7}  {change.action:<9}  {preview(change.user_group_id)}: {reason}"
        if self.left_out:
            yield f"… and {self.left_out:,} more rows"
        yield plan_counts(self.counts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: a count for each action, ``rows``, ``plan`` (up to 1,000 rows) and ``left_out``."""
        return {
            "rows": self.counts.total(),
            **{str(action): count for action, count in self.counts.items()},
            "plan": [
                {
                    "row": change.row,
                    "user_group_id": change.user_group_id,
                    "action": change.action,
                    "reason": change.reason,
                }
                for change in self._rows
            ],
            "left_out": self.left_out,
        }


def plan_counts(counts: Counter[Action]) -> str:
    """Counts of actions, in Terraform's words."""
    labelled = [f"{counts[action]:,} {label}" for action, label in ACTION_LABELS.items() if counts[action]]
    return f"Plan: {', '.join(labelled) or 'nothing to do'}"
