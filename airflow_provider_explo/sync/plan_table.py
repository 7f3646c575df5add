"""The plan of a dry run, in Terraform's words: a table for the log, Markdown for people, plain values for XCom."""

from __future__ import annotations

import hashlib
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_explo.exceptions import counted, preview
from airflow_provider_explo.sync.plan import Action, Change
from airflow_provider_explo.sync.planner import Planner
from airflow_provider_explo.sync.undecided import Undecided
from airflow_provider_explo.tenants.page import code_span

ACTION_LABELS: Mapping[Action, str] = {
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "save": "to save in the token table only",
    "forget": "to remove from the token table only",
    "drift": "drifted",
    "unchanged": "unchanged",
    "orphan": "orphaned",
    "refuse": "refused",
    "reject": "rejected",
}
MAX_PLAN_ROWS = 1000
MAX_TEXT_ROWS = 50


class PlanTable:
    """Every row that changes something or needs attention, and unchanged ones while there is room."""

    def __init__(self) -> None:
        self.counts: Counter[Action] = Counter()
        self.unmanaged = 0
        self.refusal: str | None = None
        self.digest = ""
        self._notable: list[Change] = []
        self._unchanged: list[Change] = []

    def add(self, changes: Sequence[Change]) -> None:
        """Take changes that are not in the spool."""
        for change in changes:
            self.counts[change.action] += 1
            rows = self._unchanged if change.action == "unchanged" else self._notable
            if len(rows) < MAX_PLAN_ROWS:
                rows.append(change)

    def add_unchanged(self, rows: Sequence[Undecided], *, refresh: bool) -> None:
        """Take rows for which nothing is to be done.

        :param refresh: by Explo's list too, and not by the token table alone.
        """
        self.counts["unchanged"] += len(rows)
        reason = "the same in Explo" if refresh else "sent before, with the same content"
        for row in rows[: MAX_PLAN_ROWS - len(self._unchanged)]:
            self._unchanged.append(replace(row.change(), action="unchanged", reason=reason, tenant=None))

    def add_kept(self, planner: Planner) -> None:
        """Take the changes in the spool."""
        for _, changes in planner.spool.chunks(MAX_PLAN_ROWS):
            self.add(changes)
        self.digest = plan_digest(planner)

    @property
    def rows(self) -> list[Change]:
        """The first 1,000 that are shown, in the order of the query."""
        return sorted(
            (self._notable + self._unchanged)[:MAX_PLAN_ROWS], key=lambda change: (not change.row, change.row)
        )

    @property
    def left_out(self) -> int:
        """Rows that are counted, but not shown."""
        return self.counts.total() - min(MAX_PLAN_ROWS, len(self._notable) + len(self._unchanged))

    def lines(self) -> Iterator[str]:
        """The table, one line per row and per differing field: ids and values are escaped and shortened."""
        yield f"{'row':>7}  {'action':<9}  user_group_id: reason"
        for change in self.rows:
            reason = textwrap.shorten(change.reason, 200, placeholder="…")
            yield f"{change.row or '':>7}  {change.action:<9}  {preview(change.user_group_id)}: {reason}"
            for name, (before, after) in change.differences.items():
                yield f"{'':>7}  {'':<9}    {name}: {preview(before)} → {preview(after)}"
        if self.left_out:
            yield f"… and {counted(self.left_out, 'more row')}"
        if self.unmanaged:
            yield f"not made by this provider, and left alone: {counted(self.unmanaged, 'user group')} in Explo"
        if self.refusal:
            yield self.refusal
        yield plan_counts(self.counts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: a count for each action, ``rows``, ``plan`` (up to 1,000 rows) and ``left_out``, ``unmanaged``,
        ``refused`` (why the guard would refuse this plan, or None), ``digest`` and ``text``."""
        return {
            "rows": self.counts.total(),
            **{str(action): count for action, count in self.counts.items()},
            "plan": [
                {
                    "row": change.row,
                    "user_group_id": change.user_group_id,
                    "action": change.action,
                    "reason": change.reason,
                    "changes": {
                        name: {"before": preview(before), "after": preview(after)}
                        for name, (before, after) in change.differences.items()
                    },
                    "change_id": change.change_id,
                }
                for change in self.rows
            ],
            "left_out": self.left_out,
            "unmanaged": self.unmanaged,
            "refused": self.refusal,
            "digest": self.digest,
            "text": self.text(),
        }

    def text(self) -> str:
        """The plan as Markdown, on a page at most."""
        lines = [f"**{plan_counts(self.counts)}**"]
        notable = [change for change in self.rows if change.action not in ("unchanged",)]
        if notable:
            lines += ["", "| Tenant | Action | Reason | Changes |", "| --- | --- | --- | --- |"]
        for change in notable[:MAX_TEXT_ROWS]:
            changes = "; ".join(
                f"{name}: {preview(before)} → {preview(after)}" for name, (before, after) in change.differences.items()
            )
            reason = textwrap.shorten(change.reason, 200)
            cells = (code_span(preview(change.user_group_id)), change.action, *map(_cell, (reason, changes)))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        omitted = self.counts.total() - self.counts["unchanged"] - len(notable[:MAX_TEXT_ROWS])
        if omitted > 0:
            lines += ["", f"… and {omitted:,} more."]
        if self.unmanaged:
            lines += [
                "",
                f"Not made by this provider, and left alone: {counted(self.unmanaged, 'user group')} in Explo.",
            ]
        if self.refusal:
            lines += ["", f"**{self.refusal.splitlines()[0]}**"]
        return "\n".join(lines)


def _cell(text: str) -> str:
    return code_span(text) if text else ""


def plan_counts(counts: Counter[Action]) -> str:
    """Counts of actions, in Terraform's words."""
    labelled = [f"{counts[action]:,} {label}" for action, label in ACTION_LABELS.items() if counts[action]]
    return f"Plan: {', '.join(labelled) or 'nothing to do'}"


def plan_digest(planner: Planner) -> str:
    """The digest of all changes that a plan would carry out."""
    digest = hashlib.sha256()
    for _, changes in planner.spool.chunks(MAX_PLAN_ROWS):
        for change in changes:
            digest.update(change.change_id.encode())
    return digest.hexdigest()
