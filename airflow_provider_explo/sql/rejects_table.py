"""Where rows that were rejected, or that Explo refused, are kept for whoever fixes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_explo.sql.table import ManagedTable, utc_now
from airflow_provider_explo.tenants.outcome import Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class RejectsTable(ManagedTable):
    """The rows of one task's run that need attention; what an earlier attempt at the same run left is replaced.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param run: names the task and its data interval: the same at every attempt.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    def __init__(self, engine: Engine, name: str, *, run: str, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(
            engine,
            name,
            sa.Column("run", sa.String(255), primary_key=True),
            sa.Column("row_number", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("user_group_id", sa.Text, nullable=False),
            sa.Column("name", sa.Text),
            sa.Column("outcome", sa.String(20), nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
            label="rejects table",
        )
        self._run = run
        self._now = now

    def prepare(self) -> None:
        """Make it if missing, check that it can be written, and empty it of this run's earlier attempts.

        :raises ExploError: it cannot be used.
        """
        super().prepare()
        earlier = self.table.delete().where(self.table.c.run == self._run)
        self.in_transaction("emptying it of earlier attempts", lambda connection: connection.execute(earlier))

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Keep rows, in one short transaction.

        :raises ExploError: they cannot be saved.
        """
        if not outcomes:
            return
        rows = [
            {
                "run": self._run,
                "row_number": outcome.row,
                "user_group_id": _storable(outcome.user_group_id),
                "name": None if outcome.name is None else _storable(outcome.name),
                "outcome": outcome.kind,
                "reason": outcome.reason,
                "rejected_at": self._now(),
            }
            for outcome in outcomes
        ]
        self.in_transaction("saving", lambda connection: connection.execute(self.table.insert(), rows))


def _storable(text: str) -> str:
    """Bad data as every database takes it: the null character and broken Unicode as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
