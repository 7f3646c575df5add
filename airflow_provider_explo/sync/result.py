"""What became of a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from airflow_provider_explo.exceptions import ExploError, preview
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.actual import can_retry, first_line
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.upsert import Sent
from airflow_provider_explo.tenants.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Result:
    """One change after the run: applied, failed, or one that sends nothing. Its token, if any, is saved.

    :param sent: what was done, where requests were sent and succeeded.
    :param error: why it failed or was rejected.
    :param unsent: the run gave up before it, because of the error.
    """

    change: Change
    sent: Sent | None = None
    error: ExploError | None = None
    unsent: bool = False

    @property
    def token_row(self) -> TokenRow | None:
        """What is to be saved."""
        change, sent = self.change, self.sent
        if change.action == "save":
            group, in_sync = change.actual, not change.differences and not change.unknown
            token = group.token if group is not None else change.stored.token if change.stored is not None else ""
        elif sent is not None and sent.group is not None:
            token, in_sync = sent.group.token, sent.in_sync
        else:
            return None
        return TokenRow(
            user_group_id=change.user_group_id,
            name=change.name or "",
            token=token,
            content_hash=change.stored_hash(in_sync=in_sync),
        )

    @property
    def is_gone(self) -> bool:
        """Whether the tenant has no group any more, and its row is to be deleted."""
        return self.change.action == "forget" or (self.sent is not None and self.sent.kind == "deleted")

    @property
    def is_another_runs(self) -> bool:
        """Whether Explo had, by then, a group that was still to be created: another run seems to have been faster."""
        sent = self.sent
        return sent is not None and self.change.action == "create" and sent.kind == "existing"

    @property
    def differences(self) -> Mapping[str, tuple[Any, Any]]:
        """By field, what was changed: the value before and after."""
        return (self.sent.differences if self.sent is not None else None) or self.change.differences

    @property
    def outcome(self) -> Outcome:
        """The row's outcome."""
        change, sent = self.change, self.sent
        if self.error is not None and change.action != "reject":
            # The outcome names the tenant itself.
            reason = str(self.error).removeprefix(f"tenant {preview(change.user_group_id)}: ")
            reason = (
                f"not sent: the run gave up after: {first_line(self.error, subject=False)}" if self.unsent else reason
            )
            return change.outcome(
                "failed", reason, can_retry=can_retry(self.error), error=self.error, unsent=self.unsent
            )
        if sent is None:
            return change.outcome()
        reasons = []
        if change.recreated:
            reasons.append(change.reason)
        if sent.kind == "existing" and sent.group is not None and sent.group.new_user_group is None:
            reasons.append("an earlier attempt timed out; cannot tell whether the user group was new")
        if sent.remaining_drift:
            reasons.append(f"the user group in Explo differs from the row in: {', '.join(sent.remaining_drift)}")
        return change.outcome(sent.kind, "\n".join(reasons), drift=bool(sent.remaining_drift))


class Results(NamedTuple):
    """What became of some changes, and how many rows needed none."""

    results: list[Result]
    unchanged: int = 0
