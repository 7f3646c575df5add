"""What a plan comes to, and the guard that refuses one that changes suspiciously much."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from airflow_provider_explo.exceptions import ExploPlanRefusedError, message, preview
from airflow_provider_explo.sync.plan import Action, Change

MIN_GUARDED_CHANGES = 10
MAX_EXAMPLES = 3
LABELS = {"update": "updated", "delete": "deleted", "forget": "deleted"}


@dataclass
class Totals:
    """What a plan comes to.

    :param rows: rows of the query.
    :param sends: changes that take a request.
    :param recreated: groups that were deleted in Explo.
    :param updated: updates of tenants known before.
    :param retokened: tenants known before whose token in Explo is another.
    :param unmanaged: groups in Explo that are not in the token table.
    :param tags: group tags that tenants want.
    """

    rows: int = 0
    sends: int = 0
    recreated: int = 0
    updated: int = 0
    retokened: int = 0
    unmanaged: int = 0
    actions: Counter[Action] = field(default_factory=Counter)
    tags: set[str] = field(default_factory=set)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Count a change."""
        self.actions[change.action] += 1
        self.sends += change.sends
        self.recreated += change.recreated
        stored = change.stored
        self.retokened += change.kind == "token_updated" and stored is not None and bool(stored.token)
        self.updated += change.action == "update" and change.stored is not None
        if change.sends and change.tenant is not None:
            self.tags.update(change.tenant.group_tags or ())
        label = "made again" if change.recreated else LABELS.get(change.action)
        if change.kind == "token_updated":
            label = "with another token"
        if label and len(examples := self.examples.setdefault(label, [])) < MAX_EXAMPLES:
            examples.append(preview(change.user_group_id))

    def guard(self, *, known: int, max_change_share: float) -> None:
        """Refuse a plan that changes suspiciously much.

        :param known: tenants in the token table before.
        :param max_change_share: of them, from 0 to 1.
        :raises ExploPlanRefusedError: with numbers, examples, and the argument that allows it.
        """
        deleted, updated = self.actions["delete"] + self.actions["forget"], self.updated
        if deleted and not self.rows:
            raise self._refusal(
                f"the query returned no rows, so that all tenants would be deleted ({deleted:,})",
                "check the query; if_missing='keep' leaves them",
            )
        changed = deleted + updated + self.recreated + self.retokened
        too_many = changed >= MIN_GUARDED_CHANGES and changed > max_change_share * known
        whole = deleted + self.recreated + self.retokened == known > 1 and max_change_share < 1
        if too_many or whole:
            counts = f"{updated:,} updated, {self.recreated:,} made again, {deleted:,} deleted"
            if self.retokened:
                counts += f", {self.retokened:,} with another token"
            fix = "check the query, the connection and Explo; if it is right, raise max_change_share"
            if self.recreated or self.retokened:
                fix += " (does the connection lead to another Explo?)"
            raise self._refusal(
                f"{changed:,} of {known:,} known tenants would be changed ({counts}), "
                f"more than max_change_share={max_change_share:g}",
                fix,
            )

    def _refusal(self, summary: str, fix: str) -> ExploPlanRefusedError:
        examples = "; ".join(f"{label}: {', '.join(names)}" for label, names in self.examples.items())
        return ExploPlanRefusedError(message(f"plan refused, nothing was changed: {summary}", found=examples, fix=fix))
