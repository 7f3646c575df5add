"""The plan of a dry run: a table for the log, and plain values for XCom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from airflow_provider_explo.sync.planner import Planned

MOST_ROWS = 1000


class PlanTable:
    """The plan's rows: all that need something done or somebody, and the unchanged ones too while there is room.

    :param chunks: the planned rows, taken in at once.
    """

    def __init__(self, chunks: Iterable[Sequence[Planned]]) -> None:
        self.counts: Counter[str] = Counter()
        shown: list[Planned] = []
        unchanged: list[Planned] = []
        for planned in (planned for chunk in chunks for planned in chunk):
            self.counts[planned.step.action] += 1
            some = unchanged if planned.step.action == "unchanged" else shown
            if len(some) < MOST_ROWS:
                some.append(planned)
        self._rows = sorted((shown + unchanged)[:MOST_ROWS], key=lambda planned: planned.row)

    @property
    def left_out(self) -> int:
        """Rows that are counted, but not shown."""
        return sum(self.counts.values()) - len(self._rows)

    def lines(self) -> Iterator[str]:
        """The table, a line a row."""
        width = max([len(planned.user_group_id) for planned in self._rows] + [len("user_group_id")])
        yield f"{'row':>7}  {'action':<9}  {'user_group_id':<{width}}  reason"
        for planned in self._rows:
            reason = " ".join(planned.step.reason.split())
            yield f"{planned.row:>7}  {planned.step.action:<9}  {planned.user_group_id:<{width}}  {reason}"
        if self.left_out:
            yield f"… and {self.left_out:,} rows more"
        yield counted(self.counts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: a count for each action, ``rows``, ``plan`` (up to 1,000 rows) and ``left_out``."""
        return {
            "rows": sum(self.counts.values()),
            **dict(self.counts),
            "plan": [
                {
                    "row": planned.row,
                    "user_group_id": planned.user_group_id,
                    "action": planned.step.action,
                    "reason": planned.step.reason,
                }
                for planned in self._rows
            ],
            "left_out": self.left_out,
        }


def counted(counts: Counter[str]) -> str:
    """Counts of actions in words."""
    words = ", ".join(f"{count:,} {action}" for action, count in sorted(counts.items()))
    return f"Plan for {sum(counts.values()):,} rows: {words or 'nothing'}"
