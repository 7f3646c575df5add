"""Where rows that were rejected, or that Explo refused, are kept for whoever corrects them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_explo.sql.engine import attempt, table_name
from airflow_provider_explo.sql.table_check import check_table, make_table
from airflow_provider_explo.tenants.outcome import Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class RejectsTable:
    """The rows of one task's run that need somebody; what an earlier run of the same left is replaced.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param run: names the task and its data interval: the same each time that it is run.
    :raises ExploConfigError: the name is no plain identifier.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        run: str,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        schema, table = table_name(name, of="rejects table")
        engine.hide_parameters = True
        self._of = f"rejects table {name}"
        self._engine = engine
        self._run = run
        self._now = now
        self._table = sa.Table(
            table,
            sa.MetaData(),
            sa.Column("run", sa.String(255), primary_key=True),
            sa.Column("row_number", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("user_group_id", sa.Text, nullable=False),
            sa.Column("name", sa.Text),
            sa.Column("outcome", sa.String(20), nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
            schema=schema,
        )

    def prepare(self) -> None:
        """Make the table if it is missing, see that it can be written, and empty it of this run's earlier tries.

        :raises ExploError: it cannot be used.
        """

        def clear() -> None:
            with self._engine.begin() as connection:
                connection.execute(self._table.delete().where(self._table.c.run == self._run))

        make_table(self._engine, self._table, of=self._of)
        check_table(self._engine, self._table, of=self._of)
        attempt(f"{self._of}: emptying it of this run's earlier tries", clear)

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

        def insert() -> None:
            with self._engine.begin() as connection:
                connection.execute(self._table.insert(), rows)

        attempt(f"{self._of}: saving", insert)


def _storable(text: str) -> str:
    """Bad data as every database takes it: the null character and broken Unicode as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
