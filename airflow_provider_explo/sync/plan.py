"""A change: what is to be done for one tenant, decided by what the query, Explo and the token table say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_explo.exceptions import ExploError, message
from airflow_provider_explo.sync.compare import compare
from airflow_provider_explo.tenants.content_hash import UNSETTLED, canonical, is_hash_of, is_settled
from airflow_provider_explo.tenants.outcome import Kind, Outcome
from airflow_provider_explo.tenants.tenant import Tenant

if TYPE_CHECKING:
    from airflow_provider_explo.client.models import UserGroup
    from airflow_provider_explo.sql.token_row import TokenRow

Action = Literal["create", "update", "delete", "save", "forget", "unchanged", "drift", "orphan", "refuse", "reject"]
SENDS = ("create", "update", "delete")
PROBLEMS = ("refuse", "reject")
SETTLED = ("unchanged", "drift", "orphan")
OUTCOME_OF: Mapping[str, Kind] = {
    "unchanged": "unchanged",
    "drift": "existing",
    "orphan": "orphaned",
    "forget": "deleted",
    "refuse": "failed",
    "reject": "rejected",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be done for one row of the query, or for one tenant that is no longer in it.

    :param row: its number in the result of the query, from 1; 0 for a tenant that is not in it.
    :param user_group_id: the tenant's id, or a preview of the value in its place.
    :param name: the tenant's name, if it has one.
    :param action: ``create`` (get or create), ``update`` and ``delete`` send requests; ``save`` writes a row of the
        token table, and ``forget`` deletes one whose group is gone; ``unchanged``, ``drift`` (kept although it
        differs), ``orphan`` (not in the query any more), ``refuse`` (it should not exist) and ``reject`` (bad input)
        do neither.
    :param reason: why, in words.
    :param kind: the outcome of ``save``.
    :param digest: the hash of the tenant's content.
    :param tenant: the tenant, where something is sent or saved.
    :param stored: its row in the token table when this was planned.
    :param actual: its group in Explo's list.
    :param differences: the fields that differ, each as Explo has it and as it is wanted.
    :param unknown: the given fields that Explo does not show, and is not known to hold.
    :param recreated: it was in Explo before, and is not any more.
    :param error: why it is rejected or refused.
    """

    row: int
    user_group_id: str
    name: str | None
    action: Action
    reason: str = ""
    kind: Kind | None = None
    digest: str | None = None
    tenant: Tenant | None = None
    stored: TokenRow | None = None
    actual: UserGroup | None = field(default=None, repr=False)
    differences: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    recreated: bool = False
    error: ExploError | None = None

    @property
    def sends(self) -> bool:
        """Whether it takes a request."""
        return self.action in SENDS

    @property
    def is_problem(self) -> bool:
        """Whether it is rejected or refused."""
        return self.action in PROBLEMS

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be done, and nothing is wrong."""
        return self.action in SETTLED

    @property
    def in_sync(self) -> bool:
        """Whether Explo is known to hold what is wanted, by the token table."""
        if self.stored is None or self.digest is None or self.tenant is None:
            return False
        stored = self.stored.content_hash
        return is_settled(stored) and is_hash_of(self.tenant, stored, digest=self.digest)

    def outcome(
        self,
        kind: Kind | None = None,
        reason: str | None = None,
        *,
        drift: bool = False,
        can_retry: bool = False,
        error: ExploError | None = None,
        unsent: bool = False,
    ) -> Outcome:
        """The row's outcome; by default that of a change which sends nothing."""
        return Outcome(
            row=self.row,
            user_group_id=self.user_group_id,
            name=self.name,
            kind=kind or self.kind or OUTCOME_OF[self.action],
            reason=self.reason if reason is None else reason,
            drift=drift or self.action == "drift" or (self.action == "save" and bool(self.differences)),
            can_retry=can_retry,
            error=error or self.error,
            unsent=unsent,
        )

    @property
    def change_id(self) -> str:
        """What an approval names: the same for the same change of the same tenant."""
        before = {name: before for name, (before, _) in self.differences.items()}
        if self.action == "delete" and self.actual is not None:
            before = {**self.actual.details, "name": self.actual.name}
        parts = [self.action, self.kind, self.user_group_id, self.digest, self.recreated, before]
        return hashlib.sha256(canonical(parts).encode()).hexdigest()[:16]

    def stored_hash(self, *, in_sync: bool) -> str:
        """What the token table keeps once it was applied.

        :param in_sync: Explo is known to hold the content.
        """
        return f"{self.digest}{'' if in_sync else UNSETTLED}"

    def after_another_run(self, stored: TokenRow | None) -> Change:
        """The same change, or none, if another run saved this tenant since it was planned."""
        if stored is None or stored == self.stored or self.digest is None:
            return self
        if stored.content_hash.removesuffix(UNSETTLED) != self.digest:
            return self
        return replace(self, action="unchanged", reason="saved by another run meanwhile", tenant=None)


def decide(change: Change, *, if_exists: str, listed: bool, shared_token: bool = False) -> Change:
    """Decide what to do for a valid tenant.

    :param change: with ``digest``, ``tenant``, ``stored`` and ``actual``.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    :param listed: ``actual`` is Explo's; without, the token table is trusted.
    :param shared_token: another group in Explo has the same token.
    """
    decided = _by_list(change, if_exists, shared_token) if listed else _by_token_table(change, if_exists)
    return replace(change, **decided)


def _by_list(change: Change, if_exists: str, shared_token: bool) -> dict[str, Any]:
    if change.actual is None:
        if change.stored is None:
            return {"action": "create", "reason": "not in Explo"}
        return {"action": "create", "reason": "the user group was deleted in Explo", "recreated": True}
    if shared_token:
        return {"action": "refuse", "reason": "Explo has the same token for another user group; not saved"}
    assert change.tenant is not None
    comparison = compare(change.tenant.content(), change.actual)
    unknown = () if change.in_sync else comparison.unknown
    found = {"differences": comparison.differences, "unknown": unknown}
    names = ", ".join(comparison.drift)
    if if_exists == "fail" and (change.stored is None or names):
        why = f"differs in: {names}" if names else "was not made by this connection and token table"
        fix = None if names else "if a run that was killed made it, run once with if_exists='keep'"
        reason = message(f"user group already exists and {why}; if_exists is 'fail'", fix=fix)
        return {**found, "action": "refuse", "reason": reason}
    if if_exists == "update" and (names or unknown):
        reason = f"differs in Explo: {names}" if names else f"Explo may hold other: {', '.join(unknown)}"
        return {**found, "action": "update", "reason": reason}
    return {**found, **_adopted(change, names, in_sync=not unknown)}


def _adopted(change: Change, drift: str, *, in_sync: bool) -> dict[str, Any]:
    """A group that stays as it is: its token may have to be saved."""
    stored, actual = change.stored, change.actual
    assert actual is not None
    reason = f"the user group in Explo differs from the row in: {drift}" if drift else ""
    if stored is None:
        return {"action": "save", "kind": "existing", "reason": reason or "already in Explo"}
    if stored.token != actual.token:
        reason = "; ".join(filter(None, ["the token was replaced in Explo", reason]))
        return {"action": "save", "kind": "token_updated", "reason": reason}
    if drift:
        return {"action": "drift", "reason": f"{reason}; if_exists is 'keep'"}
    if stored.content_hash != change.stored_hash(in_sync=in_sync) or stored.name != change.name:
        return {"action": "save", "kind": "unchanged", "reason": "Explo holds this content already"}
    return {"action": "unchanged", "reason": "the same in Explo", "tenant": None}


def _by_token_table(change: Change, if_exists: str) -> dict[str, Any]:
    assert change.tenant is not None
    if change.stored is None:
        return {"action": "create", "reason": "not in the token table"}
    stored = change.stored.content_hash
    if is_hash_of(change.tenant, stored, digest=change.digest):
        if is_settled(stored) or if_exists != "update":
            reason = "sent before, with the same content"
            if stored == change.stored_hash(in_sync=is_settled(stored)):
                return {"action": "unchanged", "reason": reason, "tenant": None}
            return {"action": "save", "kind": "unchanged", "reason": reason}
        return {"action": "update", "reason": "the user group existed before, and may differ in Explo"}
    if if_exists == "update":
        return {"action": "update", "reason": "content differs from what was sent before"}
    if if_exists == "keep":
        return {"action": "drift", "reason": "content differs from what was sent before; if_exists is 'keep'"}
    reason = "user group already exists with other content; if_exists is 'fail': use 'keep' or 'update'"
    return {"action": "refuse", "reason": reason}
