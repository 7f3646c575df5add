"""Why rows were rejected or failed, grouped: what they have in common, how many they are, and three examples."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploError,
    ExploValidationError,
    Problem,
    preview,
    shortened,
)

MAX_CAUSES = 20
MAX_EXAMPLES = 3
MAX_TEXT = 300
MAX_REASON = 500
MAX_DETAIL = 120
MAX_ID = 255
OTHER = "other problems"

_QUOTED = r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?:… \(\d+ characters\)|…)?"""
# What differs from row to row: a quoted value, and a number that is not an HTTP status.
_SPECIFIC = re.compile(rf"{_QUOTED}(?: → {_QUOTED})*|(?<!HTTP )\b\d[\d,.]*\b")
_SUBJECT = re.compile(rf"tenant {_QUOTED}: ")
_DETAIL = re.compile(r"^  (found|fix): (.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row with this cause.

    :param reason: the message, shortened.
    :param detail: what it says of this row, such as ``found: ''``; may be empty.
    """

    row: int
    user_group_id: str
    reason: str
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for XCom."""
        return {"row": self.row, "user_group_id": self.user_group_id, "reason": self.reason}


@dataclass(kw_only=True)
class Cause:
    """Rows with the same outcome, for the same reason.

    :param outcome: ``rejected`` or ``failed``.
    :param title: what happened; for a field, what is expected of it.
    :param field: JSON path, with ``[*]`` for the index of a list; or None.
    :param status: HTTP status, or None.
    :param endpoint: method and path, or None.
    :param fix: what to do, or None.
    :param count: rows with this cause.
    :param unsent: those of them for which no request was sent, because of it.
    :param ended_run: the run stopped sending because of it.
    """

    outcome: str
    title: str
    field: str | None = None
    status: int | None = None
    endpoint: str | None = None
    fix: str | None = None
    count: int = 0
    unsent: int = 0
    ended_run: bool = False
    examples: list[Example] = dataclasses.field(default_factory=list)

    @classmethod
    def of_problem(cls, problem: Problem) -> Cause:
        """The cause that one mistake in a tenant's data is."""
        path = re.sub(r"\[\d+\]", "[*]", problem.path)
        return cls(
            outcome="rejected",
            title=shortened(problem.expected, MAX_TEXT),
            field=shortened(path, MAX_TEXT),
            fix=shortened(problem.fix, MAX_TEXT),
        )

    @classmethod
    def of_text(cls, outcome: str, text: str, error: ExploError | None = None) -> Cause:
        """The cause that an error, or a reason in words, is."""
        title, _, details = _SUBJECT.sub("", text, count=1).partition("\n")
        status = endpoint = None
        if isinstance(error, ExploApiError):
            status, endpoint = error.status, error.endpoint
            # What it was about, such as a page of the list, comes before.
            title = title[max(0, title.find(endpoint or "")) :]
        fix = dict(_DETAIL.findall(details)).get("fix")
        return cls(
            outcome=outcome,
            title=shortened(title, MAX_TEXT),
            status=status,
            endpoint=endpoint,
            fix=fix and shortened(fix, MAX_TEXT),
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for the same cause."""
        parts = (self.title, self.fix or "")
        return self.outcome, self.field, self.status, self.endpoint, *(_SPECIFIC.sub("…", part) for part in parts)

    @property
    def wider(self) -> Cause:
        """The same cause for any member of the field's object: keys may come from the data."""
        field = self.field and re.sub(r"(?<=[\w\]])(\.\w+|\['.*'\]|\[\*\])$", ".*", self.field)
        title = _SPECIFIC.sub("…", self.title)
        return Cause(outcome=self.outcome, title=title, field=field, fix=self.fix and _SPECIFIC.sub("…", self.fix))

    @property
    def coarse(self) -> Cause:
        """The cause under which it is counted where there are too many."""
        top = re.match(r"\$\.\w+", self.field or "")
        return Cause(outcome=self.outcome, title=OTHER, field=top[0] if top else None)

    @property
    def heading(self) -> str:
        """What happened, and to which field."""
        if self.field is None or self.title == OTHER:
            return f"{self.field}: {self.title}" if self.field else self.title
        return f"{self.field}: expected {self.title}"

    def add(self, cause: Cause, *, row: int, user_group_id: str, reason: str, unsent: bool) -> None:
        """Count a row.

        :param cause: the row's own, with the same key.
        """
        self.count += 1
        self.unsent += unsent
        if cause.title != self.title:
            # What is shown is true of all of them.
            self.title = _SPECIFIC.sub("…", self.title) if self.title != OTHER else OTHER
        # The first by row, so that they are the same in every run, however many requests are in flight.
        if len(self.examples) < MAX_EXAMPLES or row < self.examples[-1].row:
            user_group_id = user_group_id if len(user_group_id) <= MAX_ID else preview(user_group_id)
            reason = shortened(reason, MAX_REASON)
            detail = "" if unsent else _detail(reason)
            example = Example(row=row, user_group_id=user_group_id, reason=reason, detail=detail)
            self.examples = sorted([*self.examples, example], key=lambda shown: shown.row)[:MAX_EXAMPLES]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for XCom."""
        return {
            "cause": self.heading,
            "outcome": self.outcome,
            "field": self.field,
            "status": self.status,
            "endpoint": self.endpoint,
            "count": self.count,
            "unsent": self.unsent,
            "ended_run": self.ended_run,
            "fix": self.fix,
            "examples": [example.as_dict() for example in self.examples],
        }


class Causes:
    """The causes of a run: those that come first are kept apart, later ones are counted by outcome and field.

    Memory does not grow with the rows.
    """

    def __init__(self) -> None:
        self._causes: dict[tuple[Any, ...], Cause] = {}
        self._distinct: Counter[Any] = Counter()

    def __iter__(self) -> Iterator[Cause]:
        """What ended the run first, and then by how many rows they have."""
        order = sorted(self._causes.values(), key=lambda cause: (cause.title == OTHER, -cause.count))
        return iter(sorted(order, key=lambda cause: not cause.ended_run))

    def __len__(self) -> int:
        return len(self._causes)

    def add(
        self, outcome: str, *, row: int, user_group_id: str, reason: str, error: ExploError | None, unsent: bool
    ) -> None:
        """Count a row under each of its causes: a tenant with two mistakes has two.

        :param error: why, or None where ``reason`` is all there is.
        :param unsent: because of the error, no request was sent for it.
        """
        if isinstance(error, ExploValidationError) and error.problems:
            causes = [(Cause.of_problem(problem), str(problem)) for problem in error.problems]
        else:
            causes = [(Cause.of_text(outcome, reason if error is None else str(error), error), reason)]
        seen: set[int] = set()
        for cause, text in causes:
            group = self._group(cause, always=unsent)
            if id(group) not in seen:
                seen.add(id(group))
                group.add(cause, row=row, user_group_id=user_group_id, reason=text, unsent=unsent)

    def end(self, error: ExploError) -> None:
        """Mark the cause for which the run stopped sending."""
        self._group(Cause.of_text("failed", str(error), error), always=True).ended_run = True

    def _group(self, cause: Cause, *, always: bool) -> Cause:
        if group := self._causes.get(cause.key):
            return group
        wider = cause.wider
        if cause.field is not None and self._distinct[wider.key] >= MAX_EXAMPLES:
            return self._causes.setdefault(wider.key, wider)
        if always or self._distinct[cause.outcome] < MAX_CAUSES:
            self._distinct.update([cause.outcome, wider.key])
            return self._causes.setdefault(cause.key, cause)
        return self._causes.setdefault(cause.coarse.key, cause.coarse)


def _detail(reason: str) -> str:
    found = dict(_DETAIL.findall(reason)).get("found")
    text = f"found: {found}" if found is not None else _SUBJECT.sub("", reason.partition("\n")[0], count=1)
    return shortened(text, MAX_DETAIL)
