"""From rows to a plan: every row checked, compared with what is known, and given something to do or an end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.exceptions import ExploValidationError, preview
from airflow_provider_explo.sync.plan import Step, step
from airflow_provider_explo.sync.spool import Entry, Worklist
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.outcome import OUTCOME_OF, Outcome
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One row of the plan.

    :param row: its number in the result of the query, from 1.
    :param user_group_id: the tenant's id, or how what stands in its place looks.
    """

    row: int
    user_group_id: str
    name: str | None
    step: Step

    def outcome(self) -> Outcome | None:
        """What became of the row, where that is settled without a call."""
        if self.step.calls:
            return None
        return Outcome(
            row=self.row,
            user_group_id=self.user_group_id,
            name=self.name,
            kind=OUTCOME_OF[self.step.action],
            reason=self.step.reason,
            drift=self.step.action == "drift",
        )


class Planner:
    """Plans rows, and puts those that take a call on a worklist.

    :param rules: what a tenant must be. A tenant whose content is known is not checked again.
    :param known: from tenants' ids to the content hashes of those that the token table has.
    :param if_exists: ``keep``, ``update`` or ``fail``.
    """

    def __init__(
        self,
        worklist: Worklist,
        *,
        rules: TenantValidator,
        known: Callable[[Collection[str]], Mapping[str, str]],
        if_exists: str,
    ) -> None:
        self._worklist = worklist
        self._rules = rules
        self._known = known
        self._if_exists = if_exists
        self._rows = 0

    def plan(self, chunks: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[list[Planned]]:
        """Plan rows, chunk by chunk; each has some of a tenant's four fields."""
        for rows in chunks:
            tenants = [Tenant.parse(**row) for row in rows]
            # No id with a null character was ever saved, and PostgreSQL's drivers do not take one in a question.
            ids = {tenant.user_group_id for tenant in tenants if tenant.has_id}
            known = self._known({user_group_id for user_group_id in ids if "\0" not in user_group_id})
            planned = []
            for tenant in tenants:
                self._rows += 1
                step = self._step(self._rows, tenant, known)
                name = tenant.name if isinstance(tenant.name, str) else None
                planned.append(Planned(row=self._rows, user_group_id=_id(tenant), name=name, step=step))
            yield planned

    def _step(self, row: int, tenant: Tenant, known: Mapping[str, str]) -> Step:
        if not tenant.has_id:
            return self._checked(row, tenant, Step(action="create", reason=""))
        digest = None if tenant.problems else content_hash(tenant)
        first = self._worklist.first(row, tenant.user_group_id, digest)
        if first is not None:
            if digest is None or first.digest != digest:
                reason = (
                    f"row {first.row} has the same id and other content, and stands; keep one row a tenant in the query"
                )
                return Step(action="reject", reason=reason)
            if first.rejected:
                return Step(action="reject", reason=f"the same as row {first.row}, which was rejected")
            return Step(action="unchanged", reason=f"the same as row {first.row}")
        if digest is None:
            return self._checked(row, tenant, Step(action="create", reason=""))
        planned = step(tenant, stored=known.get(tenant.user_group_id), if_exists=self._if_exists)
        return planned if planned.action == "unchanged" else self._checked(row, tenant, planned)

    def _checked(self, row: int, tenant: Tenant, planned: Step) -> Step:
        try:
            self._rules.validate(tenant)
        except ExploValidationError as error:
            if tenant.has_id:
                self._worklist.reject(tenant.user_group_id)
            return Step(action="reject", reason=str(error))
        if planned.action in ("create", "update"):
            self._worklist.add(Entry(row=row, action=planned.action, tenant=tenant))
        return planned


def _id(tenant: Tenant) -> str:
    return tenant.user_group_id if tenant.has_id else preview(tenant.user_group_id)
