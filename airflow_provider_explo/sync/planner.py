"""The plan: every row of the query, and every tenant that is no longer in it, gets a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_explo.exceptions import ExploValidationError, counted, preview
from airflow_provider_explo.sync.actual import ActualGroups
from airflow_provider_explo.sync.guard import Totals
from airflow_provider_explo.sync.plan import Change, decide
from airflow_provider_explo.sync.spool import FirstRow, Spool
from airflow_provider_explo.sync.undecided import Planned, Undecided
from airflow_provider_explo.tenants.content_hash import rules_suffix
from airflow_provider_explo.tenants.row import Row

if TYPE_CHECKING:
    from airflow_provider_explo.sql.token_table import TokenTable
    from airflow_provider_explo.tenants.validation import TenantValidator


class Planner:
    """Plans rows; keeps what sends requests, saves tokens or is a problem in a spool.

    :param validator: what a tenant must be.
    :param tokens: the token table, or None.
    :param refresh: compare with Explo's list, once all rows are read; else the token table is trusted.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    :param always_ask: get or create every tenant, whatever is known of it.
    """

    def __init__(
        self,
        spool: Spool[Change, Undecided],
        *,
        validator: TenantValidator,
        tokens: TokenTable | None,
        refresh: bool = False,
        if_exists: str = "keep",
        always_ask: bool = False,
    ) -> None:
        self.spool = spool
        self._validator = validator
        self._rules = rules_suffix(validator.user_schemas)
        self._tokens = tokens
        self._refresh = refresh
        self._if_exists = if_exists
        self._always_ask = always_ask
        self._unusable_ids = 0
        self.totals = Totals()

    def plan(self, chunks: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[Planned]:
        """Plan rows, chunk by chunk; each has some of a tenant's fields.

        With ``refresh``, what is returned is settled already, and :meth:`compare` has to plan the rest.
        """
        for chunk in chunks:
            rows = [Row(values) for values in chunk]
            known_ids = {row.user_group_id for row in rows if row.user_group_id is not None}
            stored = {} if self._tokens is None else self._tokens.known(known_ids)
            first_rows = self.spool.first_rows(known_ids)
            registered: list[tuple[int, str | None, str | None]] = []
            undecided: list[Undecided] = []
            planned = Planned([], [])
            for row in rows:
                self.totals.rows += 1
                # None for a row that has no usable id, and no row before it.
                user_group_id: Any = row.user_group_id
                read = Undecided.of(self.totals.rows, row, stored.get(user_group_id), rules=self._rules)
                first = first_rows.get(user_group_id)
                if first is not None:
                    registered.append((read.number, None, read.digest))
                    planned.changes.append(_repeated(read.change(), first))
                    continue
                registered.append((read.number, user_group_id, read.digest))
                rejected = None if read.is_valid else self._rejected(read)
                if user_group_id is not None:
                    first_rows[user_group_id] = FirstRow(read.number, read.digest, rejected is not None)
                if rejected is not None:
                    planned.changes.append(rejected)
                elif self._refresh:
                    undecided.append(read)
                elif self._always_ask:
                    planned.changes.append(read.change())
                elif read.is_stored:
                    planned.unchanged.append(read)
                else:
                    planned.changes.append(decide(read.change(), if_exists=self._if_exists, listed=False))
            self.spool.register(registered)
            self.spool.defer(undecided)
            yield self._kept(planned)

    def compare(self, actual: ActualGroups) -> Iterator[Planned]:
        """Plan the rows that were read, by what Explo has."""
        for undecided in self.spool.undecided():
            ids = [str(read.row.user_group_id) for read in undecided]
            groups = actual.match(ids)
            planned = Planned([], [])
            for read, user_group_id in zip(undecided, ids, strict=True):
                group, shared = groups.get(user_group_id, (None, False))
                if not shared and read.is_in(group):
                    planned.unchanged.append(read)
                    continue
                change = decide(read.change(group), if_exists=self._if_exists, listed=True, shared_token=shared)
                planned.changes.append(change)
            yield self._kept(planned)

    def _kept(self, planned: Planned) -> Planned:
        self.totals.actions["unchanged"] += len(planned.unchanged)
        for change in planned.changes:
            self._keep(change)
        return planned

    def _keep(self, change: Change) -> None:
        self.totals.add(change)
        if not change.is_settled:
            parent = change.tenant.parent_provided_id if change.sends and change.tenant is not None else None
            self.spool.put(change.row, change, rejected=change.is_problem, parent=parent)

    def plan_missing(self, if_missing: str, actual: ActualGroups | None) -> Iterator[Planned]:
        """Plan the tenants that this connection saved and that the query no longer has.

        :param if_missing: ``keep``, ``report`` or ``delete``.
        :param actual: Explo's list, if it was read.
        """
        if if_missing == "keep" or self._tokens is None:
            return
        reason = "not in the query any more"
        if if_missing == "delete" and self._unusable_ids:
            # One of these rows may be the tenant's own, with a damaged id.
            if_missing = "report"
            reason += f"; not deleted, because the query has {counted(self._unusable_ids, 'row')} with an unusable id"
        if if_missing == "delete" and actual is not None and not actual.complete:
            if_missing = "report"
            reason += "; not deleted, because Explo's list is incomplete"
        for page in self._tokens.pages():
            registered = self.spool.registered([row.user_group_id for row in page])
            missing = [row for row in page if row.user_group_id not in registered]
            groups = {} if actual is None else actual.match([row.user_group_id for row in missing])
            changes = []
            for row in missing:
                group, shared = groups.get(row.user_group_id, (None, False))
                change = Change(
                    row=0,
                    user_group_id=row.user_group_id,
                    name=row.name,
                    action="delete" if if_missing == "delete" else "orphan",
                    reason=reason,
                    stored=row,
                    actual=group,
                )
                if change.sends and actual is not None and group is None:
                    # Its token may be another group's by now: nothing is sent with it.
                    change = replace(change, action="forget", reason=f"{reason}, and not in Explo")
                if shared and change.sends:
                    # Explo deletes by token: it might be the other that goes.
                    reason = "Explo has the same token for another user group; not deleted"
                    change = replace(change, action="refuse", reason=reason)
                self.totals.add(change)
                if change.action != "orphan":
                    self.spool.append(change)
                changes.append(change)
            yield Planned(changes, [])

    def finish(self, actual: ActualGroups | None) -> None:
        """Put parents before children, and count the groups that this provider never made.

        Changes that cannot be applied for want of a parent become problems.
        """
        failed: dict[int, Change] = {}
        if actual is not None:
            # A child whose parent fails is the next one's parent.
            while orphans := self.spool.waiting_for(self.spool.parents() - actual.has(self.spool.parents())):
                for position, change in orphans.items():
                    parent = change.tenant.parent_provided_id if change.tenant else None
                    reason = f"parent {preview(parent)} is neither in Explo nor in the query"
                    if parent is not None and self.spool.registered([parent]):
                        reason = f"its parent {preview(parent)} is not going to be created"
                    self.totals.actions[change.action] -= 1
                    failed[position] = replace(change, action="refuse", reason=reason)
                self.spool.replace({position: failed[position] for position in orphans})
            for ids in actual.unmatched():
                managed = set() if self._tokens is None else self._tokens.managed(ids)
                self.totals.unmanaged += len(ids) - len(managed)
        cyclic = self.spool.put_in_order()
        parents = {change.user_group_id: parent for change, parent in cyclic.values()}
        for position, (change, _) in cyclic.items():
            self.totals.actions[change.action] -= 1
            failed[position] = replace(change, action="reject", reason=_cycle(change.user_group_id, parents))
        self.spool.replace({position: failed[position] for position in cyclic})
        for change in failed.values():
            self.totals.sends -= 1
            self.totals.actions[change.action] += 1

    def _rejected(self, read: Undecided) -> Change | None:
        """The change of a row that is not valid; None for one that is."""
        try:
            self._validator.validate(read.row.tenant)
        except ExploValidationError as error:
            reason = str(error).partition("\n")[2]
            self._unusable_ids += any(problem.path == "$.user_group_id" for problem in error.problems)
            return replace(read.change(), action="reject", reason=reason, tenant=None, error=error)
        return None


def _repeated(change: Change, first: FirstRow) -> Change:
    if change.digest is None or change.digest != first.digest:
        reason = (
            f"conflicts with row {first.row} (same user_group_id, different content); row {first.row} was used. "
            "Return one row per tenant"
        )
        return replace(change, action="reject", reason=reason, tenant=None)
    if first.rejected:
        reason = f"the same as row {first.row}, which was rejected"
        return replace(change, action="reject", reason=reason, tenant=None)
    return replace(change, action="unchanged", reason=f"the same as row {first.row}", tenant=None)


def _cycle(user_group_id: str, parents: Mapping[str, str]) -> str:
    """The members of the cycle that a tenant is in or below, named from its smallest id on."""
    path: list[str] = []
    while user_group_id not in path:
        path.append(user_group_id)
        user_group_id = parents[user_group_id]
    members = path[path.index(user_group_id) :]
    start = members.index(min(members))
    ring = [*members[start:], *members[:start], members[start]]
    return f"its parents form a cycle: {' → '.join(map(preview, ring))}"
