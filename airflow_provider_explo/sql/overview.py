"""What the page shows of the log table and the rejects table, counted by the database: few rows of however many."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_explo.sql.log_table import LogTable
from airflow_provider_explo.sql.rejects_table import RejectsTable
from airflow_provider_explo.sql.table import ManagedTable
from airflow_provider_explo.tenants.outcome import CHANGED_KINDS

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

MAX_TASKS = 500
HOUR = timedelta(minutes=59)


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """What one run of one task logged.

    :param ended_at: when it logged its last row.
    :param counts: rows by outcome.
    """

    task: str
    run: str
    ended_at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A tenant who is broken now."""

    task: str
    user_group_id: str
    name: str | None
    outcome: str
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime


class Overview:
    """The log table and the rejects table of one database, only read.

    :param engine: from :func:`~airflow_provider_explo.sql.engine.engine_of`.
    :raises ExploConfigError: a name is not a plain identifier.
    """

    def __init__(self, engine: Engine, *, log_table: str, rejects_table: str) -> None:
        self.log = LogTable(engine, log_table, task="", run="")
        self.rejects = RejectsTable(engine, rejects_table, task="")

    def tasks(self, table: ManagedTable) -> list[str]:
        """The tasks that have rows in one of the tables, up to 500; none if the table is not there yet.

        :raises ExploError: it cannot be read.
        """
        if not table.exists():
            return []
        task = table.table.c.task
        return [name for (name,) in self._read(table, sa.select(task).distinct().order_by(task).limit(MAX_TASKS))]

    def runs(self, tasks: Collection[str], *, limit: int, offset: int = 0) -> list[LoggedRun]:
        """The latest runs of tasks that logged something, latest first.

        :raises ExploError: the log table cannot be read.
        """
        rows = self.log.table.c
        ended_at = sa.func.max(rows.logged_at).label("ended_at")
        latest = (
            sa.select(rows.task, rows.run, ended_at)
            .where(rows.task.in_(tasks))
            .group_by(rows.task, rows.run)
            .order_by(ended_at.desc(), rows.task, rows.run)
            .limit(limit)
            .offset(offset)
        )
        ends = {(task, run): _utc(ended) for task, run, ended in self._read(self.log, latest)}
        if not ends:
            return []
        shown = sa.or_(*(sa.and_(rows.task == task, rows.run == run) for task, run in ends))
        counts: dict[tuple[str, str], dict[str, int]] = {key: {} for key in ends}
        counted = (
            sa.select(rows.task, rows.run, rows.outcome, sa.func.count())
            .where(shown)
            .group_by(rows.task, rows.run, rows.outcome)
        )
        for task, run, outcome, count in self._read(self.log, counted):
            counts[task, run][outcome] = count
        return [
            LoggedRun(task=task, run=run, ended_at=ended, counts=counts[task, run])
            for (task, run), ended in ends.items()
        ]

    def changes_by_minute(self, tasks: Collection[str]) -> list[tuple[datetime, int]]:
        """How many changes were logged in each minute that has any, of the hour before the last change.

        :raises ExploError: the log table cannot be read.
        """
        rows = self.log.table.c
        changes = sa.and_(rows.task.in_(tasks), rows.outcome.in_(CHANGED_KINDS))
        ((last,),) = self._read(self.log, sa.select(sa.func.max(rows.logged_at)).where(changes))
        if last is None:
            return []
        start = _minute(_utc(last)) - HOUR
        # Whichever time zone the database thinks in, these are the same in one minute only.
        parts = [sa.extract(part, rows.logged_at) for part in ("year", "month", "day", "hour", "minute")]
        first = sa.func.min(rows.logged_at)
        by_minute = sa.select(first, sa.func.count()).where(changes, rows.logged_at >= start).group_by(*parts)
        return sorted((_minute(_utc(moment)), count) for moment, count in self._read(self.log, by_minute))

    def broken(self, tasks: Collection[str], *, limit: int, offset: int = 0) -> list[Reject]:
        """Tenants who are broken now, latest first.

        :raises ExploError: the rejects table cannot be read.
        """
        rows = self.rejects.table.c
        columns = [
            rows.task,
            rows.user_group_id,
            rows.name,
            rows.outcome,
            rows.reason,
            rows.first_seen_at,
            rows.last_seen_at,
        ]
        page = (
            sa.select(*columns)
            .where(rows.task.in_(tasks))
            .order_by(rows.first_seen_at.desc(), rows.reject_key)
            .limit(limit)
            .offset(offset)
        )
        return [
            Reject(
                task=task,
                user_group_id=user_group_id,
                name=name,
                outcome=outcome,
                reason=reason,
                first_seen_at=_utc(first_seen_at),
                last_seen_at=_utc(last_seen_at),
            )
            for task, user_group_id, name, outcome, reason, first_seen_at, last_seen_at in self._read(
                self.rejects, page
            )
        ]

    def broken_counts(self, tasks: Collection[str]) -> dict[str, int]:
        """How many tenants are broken now, by outcome.

        :raises ExploError: the rejects table cannot be read.
        """
        rows = self.rejects.table.c
        counts = sa.select(rows.outcome, sa.func.count()).where(rows.task.in_(tasks)).group_by(rows.outcome)
        return dict(map(tuple, self._read(self.rejects, counts)))

    @staticmethod
    def _read(table: ManagedTable, query: Any) -> Sequence[Any]:
        return table.read(lambda connection: connection.execute(query).fetchall())


def _utc(moment: datetime) -> datetime:
    # Some databases keep no time zone; what is written is UTC.
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
