"""The plan: what is to be done for each row of the query, decided by what the token table says of its tenant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_explo.exceptions import ExploError, ExploValidationError, preview
from airflow_provider_explo.sync.spool import Spool
from airflow_provider_explo.tenants.content_hash import UNSETTLED, content_hash, is_hash_of, is_settled
from airflow_provider_explo.tenants.outcome import Kind, Outcome
from airflow_provider_explo.tenants.tenant import Tenant

if TYPE_CHECKING:
    from airflow_provider_explo.tenants.validation import TenantValidator

Action = Literal["create", "update", "unchanged", "drift", "refuse", "reject"]
OUTCOME_OF: Mapping[str, Kind] = {
    "unchanged": "unchanged",
    "drift": "existing",
    "refuse": "failed",
    "reject": "rejected",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be done for one row of the query.

    :param row: its number in the result of the query, from 1.
    :param user_group_id: the tenant's id, or a preview of the value in its place.
    :param name: the tenant's name, if it has one.
    :param action: ``create`` (get or create) and ``update`` send requests; ``unchanged``, ``drift`` (an existing group
        is kept although it differs), ``refuse`` (it should not exist) and ``reject`` (bad input) do not.
    :param reason: why, in words.
    :param digest: the hash of the tenant's content.
    :param in_sync: by the token table, Explo holds this content.
    :param tenant: the tenant, where a request is to be sent.
    :param error: why it is rejected.
    """

    row: int
    user_group_id: str
    name: str | None
    action: Action
    reason: str = ""
    digest: str | None = None
    in_sync: bool = False
    tenant: Tenant | None = None
    error: ExploError | None = None

    @property
    def sends(self) -> bool:
        """Whether it takes a request."""
        return self.action in ("create", "update")

    def outcome(
        self, kind: Kind | None = None, reason: str | None = None, *, drift: bool = False, can_retry: bool = False
    ) -> Outcome:
        """The row's outcome; by default that of a change which sends nothing."""
        return Outcome(
            row=self.row,
            user_group_id=self.user_group_id,
            name=self.name,
            kind=kind or OUTCOME_OF[self.action],
            reason=self.reason if reason is None else reason,
            drift=drift or self.action == "drift",
            can_retry=can_retry,
        )

    def reconsidered(self, hashes: Mapping[str, str], *, if_exists: str) -> Change:
        """The same change after another look at the token table: another run may have saved this tenant."""
        if not self.sends or self.tenant is None:
            return self
        stored = hashes.get(self.user_group_id)
        action, reason = decide(self.tenant, self.digest, stored=stored, if_exists=if_exists)
        return replace(self, action=action, reason=reason, in_sync=stored == self.digest)

    def stored_hash(self, *, in_sync: bool) -> str:
        """What the token table keeps once it was applied.

        :param in_sync: Explo is known to hold the content.
        """
        return f"{self.digest}{'' if in_sync else UNSETTLED}"


def decide(tenant: Tenant, digest: str | None, *, stored: str | None, if_exists: str) -> tuple[Action, str]:
    """What to do for a tenant, and why, by the token table.

    :param digest: the hash of the tenant's content.
    :param stored: the hash in the token table, or None where the tenant is not in it.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    """
    if stored is None:
        return "create", "not in the token table"
    if is_hash_of(tenant, stored, digest=digest):
        if is_settled(stored) or if_exists != "update":
            return "unchanged", "sent before, with the same content"
        return "update", "the user group existed before, and may differ in Explo"
    if if_exists == "update":
        return "update", "content differs from what was sent before"
    if if_exists == "keep":
        return "drift", "content differs from what was sent before; if_exists is 'keep'"
    return "refuse", "user group already exists with other content; if_exists is 'fail': use 'keep' or 'update'"


class Planner:
    """Plans rows, and keeps those that send requests, or are problems, in a spool.

    :param validator: what a tenant must be. A tenant whose content is unchanged is not validated again.
    :param hashes: from tenants' ids to the content hashes of those in the token table.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    :param always_ask: send a request also for a tenant whose content is unchanged.
    """

    def __init__(
        self,
        spool: Spool[Change],
        *,
        validator: TenantValidator,
        hashes: Callable[[Collection[str]], Mapping[str, str]],
        if_exists: str,
        always_ask: bool = False,
    ) -> None:
        self._spool = spool
        self._validator = validator
        self._hashes = hashes
        self._if_exists = if_exists
        self._always_ask = always_ask
        self._rows = 0

    def plan(self, chunks: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[list[Change]]:
        """Plan rows, chunk by chunk; each has some of a tenant's fields."""
        for rows in chunks:
            tenants = [Tenant.parse(**row) for row in rows]
            # PostgreSQL's drivers refuse a null character in a parameter, and no id with one was ever saved.
            ids = {tenant.user_group_id for tenant in tenants if tenant.has_id and "\0" not in tenant.user_group_id}
            hashes = self._hashes(ids)
            changes = []
            for tenant in tenants:
                self._rows += 1
                change = self._change(self._rows, tenant, hashes)
                if change.sends or change.outcome().is_problem:
                    self._spool.put(change.row, change, rejected=change.action == "reject")
                changes.append(change)
            yield changes

    def _change(self, row: int, tenant: Tenant, hashes: Mapping[str, str]) -> Change:
        digest = None if tenant.problems else content_hash(tenant)
        change = Change(
            row=row,
            user_group_id=tenant.user_group_id if tenant.has_id else preview(tenant.user_group_id),
            name=tenant.name if isinstance(tenant.name, str) else None,
            action="create",
            digest=digest,
        )
        first = self._spool.register(row, tenant.user_group_id if tenant.has_id else None, digest)
        if first is not None:
            return _repeated(change, first.row, same=digest is not None and digest == first.digest, bad=first.rejected)
        if digest is not None:
            stored = hashes.get(tenant.user_group_id)
            action, reason = decide(tenant, digest, stored=stored, if_exists=self._if_exists)
            if action == "unchanged" and not self._always_ask:
                return replace(change, action=action, reason=reason)
            if self._always_ask:
                action = "create"
            change = replace(change, action=action, reason=reason, in_sync=stored == digest, tenant=tenant)
        return self._validated(change, tenant)

    def _validated(self, change: Change, tenant: Tenant) -> Change:
        try:
            self._validator.validate(tenant)
        except ExploValidationError as error:
            reason = "\n".join(map(str, error.problems))
            return replace(change, action="reject", reason=reason, tenant=None, error=error)
        return change


def _repeated(change: Change, first_row: int, *, same: bool, bad: bool) -> Change:
    if not same:
        reason = (
            f"conflicts with row {first_row} (same user_group_id, different content); row {first_row} was used. "
            "Return one row per tenant"
        )
        return replace(change, action="reject", reason=reason)
    if bad:
        return replace(change, action="reject", reason=f"the same as row {first_row}, which was rejected")
    return replace(change, action="unchanged", reason=f"the same as row {first_row}")
