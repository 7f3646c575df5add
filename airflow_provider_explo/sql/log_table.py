"""What was done: a row for every change and every new problem, append-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo import json_values
from airflow_provider_explo.json_values import storable
from airflow_provider_explo.sql.column_types import LONG_TEXT
from airflow_provider_explo.sql.table import ManagedTable, utc_now
from airflow_provider_explo.tenants.outcome import Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

MAX_CHANGES_LENGTH = 100_000


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One change or problem.

    :param changes: JSON text: by field, ``before`` and ``after``.
    """

    user_group_id: str
    name: str | None
    outcome: str
    reason: str
    changes: str | None = None

    @classmethod
    def of(cls, outcome: Outcome, differences: Mapping[str, tuple[Any, Any]]) -> LogEntry:
        """The entry of an outcome.

        :param differences: by field, the value before and after.
        """
        changes = None
        if differences:
            fields = {name: {"before": before, "after": after} for name, (before, after) in differences.items()}
            changes = json_values.dumps(fields)
            if len(changes) > MAX_CHANGES_LENGTH:
                changes = json_values.dumps(dict.fromkeys(differences, "too long to be logged"))
        return cls(
            user_group_id=outcome.user_group_id,
            name=outcome.name,
            outcome=outcome.kind,
            reason=outcome.reason,
            changes=changes,
        )


class LogTable(ManagedTable):
    """The history of changes in one SQL database.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param task: names the task.
    :param run: names the run.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    def __init__(
        self, engine: Engine, name: str, *, task: str, run: str, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(
            engine,
            name,
            sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("task", sa.Text, nullable=False),
            sa.Column("run", sa.Text, nullable=False),
            sa.Column("user_group_id", sa.Text, nullable=False),
            sa.Column("name", sa.Text),
            sa.Column("outcome", sa.String(20), nullable=False),
            sa.Column("changes", LONG_TEXT),
            sa.Column("reason", sa.Text, nullable=False),
            label="log table",
        )
        self._task = task
        self._run = run
        self._now = now

    def add(self, entries: Sequence[LogEntry]) -> None:
        """Append entries, in one short transaction.

        :raises ExploError: they cannot be saved.
        """
        if not entries:
            return
        common = {"logged_at": self._now(), "task": storable(self._task), "run": storable(self._run)}
        rows = [
            {
                **common,
                "user_group_id": storable(entry.user_group_id),
                "name": None if entry.name is None else storable(entry.name),
                "outcome": entry.outcome,
                "changes": entry.changes,
                "reason": storable(entry.reason),
            }
            for entry in entries
        ]
        self.in_transaction("saving", lambda connection: connection.execute(self.table.insert(), rows))
