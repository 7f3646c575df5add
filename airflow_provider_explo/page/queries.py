"""What the page shows of the tables and the connection, for a user who may read the runs of some DAGs only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from airflow.configuration import conf

from airflow_provider_explo.exceptions import ExploError

if TYPE_CHECKING:
    from airflow_provider_explo.sql.overview import LoggedRun, Overview, Reject

RUNS = 30
REJECTS = 50
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The section ``explo`` of Airflow's configuration, as far as the page goes."""

    conn_id: str
    log_table: str
    rejects_table: str
    explo_conn_id: str

    @classmethod
    def read(cls) -> Settings:
        """The settings of this process."""
        return cls(
            conn_id=conf.get("explo", "page_conn_id", fallback=""),
            log_table=conf.get("explo", "page_log_table", fallback="explo_log"),
            rejects_table=conf.get("explo", "page_rejects_table", fallback="explo_rejects"),
            explo_conn_id=conf.get("explo", "page_explo_conn_id", fallback="explo_default"),
        )


@dataclass(kw_only=True)
class Content:
    """What there is to show. What could not be read is None, and :attr:`errors` says why.

    :param older_runs: there are runs before these.
    :param broken_counts: by outcome, on all pages.
    :param limit: requests a minute.
    """

    runs: Sequence[LoggedRun] | None = None
    older_runs: bool = False
    minutes: Sequence[tuple[datetime, int]] | None = None
    rejects: Sequence[Reject] | None = None
    broken_counts: Mapping[str, int] = field(default_factory=dict)
    limit: float | None = None
    errors: list[str] = field(default_factory=list)

    def attempt(self, work: Callable[[], T]) -> T | None:
        """The result, or None; then the reason is among the errors, once."""
        try:
            return work()
        except ExploError as error:
            if str(error) not in self.errors:
                self.errors.append(str(error))
            return None


def read(
    settings: Settings, *, may_read: Callable[[str], bool], task: str, runs_page: int, rejects_page: int
) -> Content:
    """Read the tables and the limit.

    :param may_read: whether the user may read the runs of a DAG, by its id.
    :param task: as the tables have it, ``dag_id/task_id``; its mapped tasks count too; empty for all.
    :param runs_page: from 1, of 30 runs.
    :param rejects_page: from 1, of 50 tenants.
    """
    from airflow_provider_explo.sql.engine import databases_of
    from airflow_provider_explo.sql.overview import Overview

    content = Content()
    permissions: dict[str, bool] = {}

    def is_shown(name: str) -> bool:
        dag_id = name.partition("/")[0]
        if dag_id not in permissions:
            permissions[dag_id] = may_read(dag_id)
        return permissions[dag_id] and (not task or name == task or name.startswith(f"{task}/"))

    def read_tables() -> None:
        with databases_of(settings.conn_id) as (database,):
            overview = Overview(database.engine, log_table=settings.log_table, rejects_table=settings.rejects_table)
            content.attempt(lambda: _read_log(content, overview, is_shown, runs_page))
            content.attempt(lambda: _read_rejects(content, overview, is_shown, rejects_page))

    if settings.conn_id:
        content.attempt(read_tables)
        content.limit = content.attempt(lambda: _limit(settings.explo_conn_id))
    return content


def _read_log(content: Content, overview: Overview, is_shown: Callable[[str], bool], page: int) -> None:
    tasks = list(filter(is_shown, overview.tasks(overview.log)))
    # One more than is shown says whether there are more.
    runs = overview.runs(tasks, limit=RUNS + 1, offset=(page - 1) * RUNS) if tasks else []
    content.minutes = overview.changes_by_minute(tasks) if tasks else []
    content.runs, content.older_runs = runs[:RUNS], len(runs) > RUNS


def _read_rejects(content: Content, overview: Overview, is_shown: Callable[[str], bool], page: int) -> None:
    tasks = list(filter(is_shown, overview.tasks(overview.rejects)))
    content.broken_counts = overview.broken_counts(tasks) if tasks else {}
    content.rejects = overview.broken(tasks, limit=REJECTS, offset=(page - 1) * REJECTS) if tasks else []


def _limit(explo_conn_id: str) -> float:
    from airflow_provider_explo.hooks.explo import ExploHook

    with ExploHook(explo_conn_id=explo_conn_id).client() as client:
        return client.settings.requests_per_minute
