"""From what was read to what the template shows: words, links and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from airflow_provider_explo.exceptions import counted
from airflow_provider_explo.page.chart import Column, stacked_columns
from airflow_provider_explo.page.pending import WaitingPlan, task_path
from airflow_provider_explo.page.queries import REJECTS, Content, Settings
from airflow_provider_explo.tenants.outcome import CHANGED_KINDS, PROBLEM_KINDS

KINDS = (*CHANGED_KINDS, *PROBLEM_KINDS)
LABELS = {"token_updated": "token updated"}


def values(
    content: Content,
    plans: Sequence[WaitingPlan] | None,
    *,
    settings: Settings,
    task: str,
    runs_page: int,
    rejects_page: int,
) -> dict[str, Any]:
    """The variables of the template ``page.html``.

    :param plans: None where they could not be read.
    """

    def link(**changed: object) -> str:
        query = {"task": task, "runs": runs_page, "broken": rejects_page} | changed
        return "?" + urlencode({name: value for name, value in query.items() if value not in ("", 1)})

    minutes = _by_time(content.minutes)
    broken = sum(content.broken_counts.values())
    return {
        "settings": settings,
        "task": task,
        "everything": link(task="", runs=1, broken=1),
        "errors": content.errors,
        "kinds": [(kind, LABELS.get(kind, kind)) for kind in KINDS],
        "runs": None if content.runs is None else [_run(run) for run in content.runs],
        "runs_chart": _runs_chart(content),
        "newer_runs": link(runs=runs_page - 1) if runs_page > 1 else None,
        "older_runs": link(runs=runs_page + 1) if content.older_runs else None,
        "rejects": content.rejects,
        "broken": broken,
        "broken_counts": content.broken_counts,
        "first_reject": (rejects_page - 1) * REJECTS + 1,
        "newer_rejects": link(broken=rejects_page - 1) if rejects_page > 1 else None,
        "older_rejects": link(broken=rejects_page + 1) if broken > rejects_page * REJECTS else None,
        "plans": plans,
        "limit": content.limit,
        "minutes": minutes,
        "minutes_chart": _minutes_chart(minutes, limit=content.limit),
        "utc": utc,
    }


def utc(moment: datetime) -> str:
    """A time as the page writes it."""
    return f"{moment:%Y-%m-%d %H:%M}"


def _run(run: Any) -> Mapping[str, Any]:
    return {
        "task": run.task,
        "run": run.run,
        "path": task_path(run.task, run.run),
        "ended_at": run.ended_at,
        "counts": [run.counts.get(kind, 0) for kind in KINDS],
    }


def _runs_chart(content: Content) -> str:
    columns = []
    # Time goes from left to right.
    for run in reversed(content.runs or ()):
        parts = {kind: run.counts[kind] for kind in KINDS if run.counts.get(kind)}
        words = ", ".join(f"{count:,} {LABELS.get(kind, kind)}" for kind, count in parts.items())
        columns.append(
            Column(
                label=f"{run.ended_at:%m-%d %H:%M}", title=f"{utc(run.ended_at)} UTC, {run.task}: {words}", parts=parts
            )
        )
    if not columns:
        return ""
    title = f"Outcomes of {counted(len(columns), 'run')}, stacked; the table below has the same numbers"
    return stacked_columns(columns, title=title)


def _by_time(minutes: Sequence[tuple[datetime, int]] | None) -> dict[datetime, int] | None:
    """Two groups of the database may be one minute where its time zone changed."""
    if minutes is None:
        return None
    counts: dict[datetime, int] = {}
    for moment, count in minutes:
        counts[moment] = counts.get(moment, 0) + count
    return counts


def _minutes_chart(counts: Mapping[datetime, int] | None, *, limit: float | None) -> str:
    if not counts:
        return ""
    last = max(counts)
    moments = [last - timedelta(minutes=number) for number in range(59, -1, -1)]
    columns = [
        Column(
            label=f"{moment:%H:%M}",
            title=f"{utc(moment)} UTC: {counted(counts.get(moment, 0), 'change')}",
            parts={"change": counts[moment]} if moment in counts else {},
        )
        for moment in moments
    ]
    title = f"Changes in each minute of the hour up to {utc(last)} UTC; the highest is {max(counts.values()):,}"
    return stacked_columns(columns, title=title, limit=limit)
