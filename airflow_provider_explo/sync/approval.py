"""A plan that somebody approved: exactly its changes are carried out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_explo.exceptions import ExploConfigError, ExploPlanRefusedError, counted, message, preview
from airflow_provider_explo.sync.plan import Change

log = logging.getLogger(__name__)
CHANGES = ("create", "update", "delete", "save", "forget")


@dataclass(frozen=True, kw_only=True)
class ApprovedPlan:
    """What was approved.

    :param digest: of the whole plan.
    :param change_ids: of its changes; None where the plan was too long to name them all.
    """

    digest: str
    change_ids: frozenset[str] | None = None

    @classmethod
    def parse(cls, plan: Any) -> ApprovedPlan:
        """Take the return value of a dry run, or its digest.

        :raises ExploConfigError: it is neither.
        """
        if isinstance(plan, str) and plan:
            return cls(digest=plan)
        rows = plan.get("plan") if isinstance(plan, Mapping) else None
        if not isinstance(plan, Mapping) or not isinstance(plan.get("digest"), str) or not isinstance(rows, list):
            raise ExploConfigError(
                message(
                    "approved_plan: not a plan",
                    found=preview(plan),
                    expected="the return value of a task with dry_run=True, or its digest",
                )
            )
        if plan.get("left_out"):
            return cls(digest=plan["digest"])
        return cls(digest=plan["digest"], change_ids=frozenset(row["change_id"] for row in rows))

    def check(self, digest: str) -> None:
        """Refuse a plan that cannot be compared with the approved one.

        :param digest: of the plan as it is now.
        :raises ExploPlanRefusedError: the plan is another, and only the digest of the approved one is known.
        """
        if self.change_ids is None and digest != self.digest:
            raise ExploPlanRefusedError(
                message(
                    "approved plan no longer fits; nothing was changed",
                    found=f"digest {digest}",
                    expected=f"digest {self.digest}",
                    fix="plan again, and approve that; up to 1,000 rows, a plan's unchanged part is still carried out",
                )
            )

    def only(self, chunks: Iterator[tuple[int, Sequence[Change]]]) -> Iterator[tuple[int, list[Change]]]:
        """Let approved changes and problems through; others wait for the next plan."""
        waiting = 0
        for depth, changes in chunks:
            approved = []
            for change in changes:
                if change.action in CHANGES and self.change_ids is not None and change.change_id not in self.change_ids:
                    waiting += 1
                    log.warning("tenant %s: not as approved: waits for the next plan", preview(change.user_group_id))
                    reason = f"to {change.action}, but not as approved: waits for the next plan"
                    change = replace(change, action="unchanged", reason=reason, recreated=False, tenant=None)
                approved.append(change)
            yield depth, approved
        if waiting:
            verb = "is" if waiting == 1 else "are"
            log.warning("%s %s not in the approved plan, and left to the next one", counted(waiting, "change"), verb)
