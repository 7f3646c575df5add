"""Who is broken now: a row for each task and tenant that was rejected or that failed, until it is well or gone."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_explo.json_values import storable
from airflow_provider_explo.sql.table import ManagedTable, utc_now
from airflow_provider_explo.tenants.outcome import Outcome

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

MAX_PARAMETERS = 500


class RejectsTable(ManagedTable):
    """The tenants that need attention, by task.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :param name: table, optionally ``schema.table``.
    :param task: names the task: the same in every run.
    :raises ExploConfigError: the name is not a plain identifier.
    """

    def __init__(self, engine: Engine, name: str, *, task: str, now: Callable[[], datetime] = utc_now) -> None:
        # A reserved word of MySQL's and MariaDB's, which SQLAlchemy 1.4 does not know.
        quoted = True if engine.dialect.name in ("mysql", "mariadb") else None
        super().__init__(
            engine,
            name,
            # Of task and tenant, which may be longer than a database's keys.
            sa.Column("reject_key", sa.String(64), primary_key=True),
            sa.Column("task", sa.Text, nullable=False),
            sa.Column("row_number", sa.Integer, nullable=False, quote=quoted),
            sa.Column("user_group_id", sa.Text, nullable=False),
            sa.Column("name", sa.Text),
            sa.Column("outcome", sa.String(20), nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
            label="rejects table",
        )
        self._task = task
        self._now = now
        # The keys of this task that are in the table: few, however many tenants are well.
        self._known: dict[str, str] = {}
        self._recorded: set[str] = set()
        self._unusable_ids: Counter[str] = Counter()

    def prepare(self) -> None:
        """Make it if missing, check that it can be written, and see who was broken before.

        :raises ExploError: it cannot be used.
        """
        super().prepare()
        rows = self.table.c
        query = sa.select(rows.reject_key, rows.reason).where(rows.task == storable(self._task))
        self._known = self.in_transaction("reading it", lambda connection: dict(connection.execute(query).all()))

    def record(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Keep the problems, and delete the rows of tenants who are well, in one short transaction.

        :returns: the problems that are new, or have another reason than before.
        :raises ExploError: they cannot be saved.
        """
        problems: dict[str, Outcome] = {}
        well = set()
        for outcome in outcomes:
            key = self._key(outcome)
            if outcome.is_problem:
                problems.setdefault(key, outcome)
            elif key in self._known:
                well.add(key)
        well -= problems.keys() | self._recorded
        if not problems and not well:
            return []

        now = self._now()
        rows = {key: self._row(key, outcome, now) for key, outcome in problems.items()}

        def write(connection: Connection) -> None:
            self._delete(connection, well)
            present = self._present(connection, list(rows))
            for key in present:
                values = {
                    name: value for name, value in rows[key].items() if name not in ("reject_key", "first_seen_at")
                }
                connection.execute(self.table.update().where(self.table.c.reject_key == key).values(**values))
            if new_rows := [row for key, row in rows.items() if key not in present]:
                connection.execute(self.table.insert(), new_rows)

        self.in_transaction("saving", write)
        new = [outcome for key, outcome in problems.items() if self._known.get(key) != storable(outcome.reason)]
        self._recorded |= problems.keys()
        self._known |= {key: storable(outcome.reason) for key, outcome in problems.items()}
        for key in well:
            del self._known[key]
        return new

    def finish(self) -> None:
        """Delete the rows of tenants of whom nothing was recorded: the whole query no longer has them.

        :raises ExploError: they cannot be deleted.
        """
        gone = self._known.keys() - self._recorded
        self.in_transaction("deleting who is gone", lambda connection: self._delete(connection, gone))
        for key in gone:
            del self._known[key]

    def _delete(self, connection: Connection, keys: Collection[str]) -> None:
        if keys:
            statement = self.table.delete().where(self.table.c.reject_key == sa.bindparam("key"))
            connection.execute(statement, [{"key": key} for key in keys])

    def _present(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        present: set[str] = set()
        for start in range(0, len(keys), MAX_PARAMETERS):
            column = self.table.c.reject_key
            chunk = sa.select(column).where(column.in_(keys[start : start + MAX_PARAMETERS]))
            present |= set(connection.execute(chunk).scalars())
        return present

    def _row(self, key: str, outcome: Outcome, now: datetime) -> dict[str, object]:
        return {
            "reject_key": key,
            "task": storable(self._task),
            "row_number": outcome.row,
            "user_group_id": storable(outcome.user_group_id),
            "name": None if outcome.name is None else storable(outcome.name),
            "outcome": outcome.kind,
            "reason": storable(outcome.reason),
            "first_seen_at": now,
            "last_seen_at": now,
        }

    def _key(self, outcome: Outcome) -> str:
        parts = [self._task, outcome.user_group_id]
        if re.search(r"^\$\.user_group_id", outcome.reason, re.MULTILINE):
            # Several rows may have no id; the second and each other has a row of its own, wherever it is in the query.
            self._unusable_ids[outcome.user_group_id] += 1
            if (number := self._unusable_ids[outcome.user_group_id]) > 1:
                parts.append(str(number))
        text = "\0".join(parts)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
