"""The causes of a run on one page: as text for Airflow's log, and as Markdown for a notification."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from airflow_provider_explo.exceptions import preview
from airflow_provider_explo.tenants.cause import Cause, Example

MAX_LINES = 40
MAX_BYTES = 4000
# Airflow's log page does not wrap.
WIDTH = 88


def log_page(head: str, causes: Sequence[Cause], tail: Sequence[str] = ()) -> str:
    """Lay out what a run ended with for the log.

    :param head: the first line.
    :param causes: in their order; those that find no room are counted.
    :param tail: the last lines.
    """
    blocks = [[line for part in _log_lines(cause) for line in _wrap(part)] for cause in causes]
    return _page([head], blocks, causes, list(tail), more="and {} more causes, of {} rows, in the log above")


def markdown_page(head: str, causes: Sequence[Cause]) -> str:
    """The same in Markdown: values are code, so that none of them is a link, a mention or an image."""
    blocks = [list(_markdown_lines(cause)) for cause in causes]
    return _page([f"**{head}**", ""], blocks, causes, [], more="- and {} more causes, of {} rows, in the task's log")


def _page(head: list[str], blocks: Sequence[list[str]], causes: Sequence[Cause], tail: list[str], *, more: str) -> str:
    """As many blocks as fit, and the first in any case."""
    shown = len(blocks)
    while True:
        rest = causes[shown:]
        lines = [*head, *(line for block in blocks[:shown] for line in block)]
        if rest:
            lines.append(more.format(len(rest), f"{sum(cause.count for cause in rest):,}"))
        text = "\n".join([*lines, *tail]).strip()
        if shown <= 1 or (text.count("\n") < MAX_LINES and len(text.encode(errors="replace")) <= MAX_BYTES):
            return text
        shown -= 1


def _counts(cause: Cause) -> str:
    text = f"{cause.outcome}: {cause.count:,} {'row' if cause.count == 1 else 'rows'}"
    if cause.unsent:
        text += f", {cause.unsent:,} of them not sent"
    return f"{text}; this ended the run" if cause.ended_run else text


def _details(cause: Cause) -> list[tuple[Example, str]]:
    return [(example, example.detail if example.detail != cause.title else "") for example in cause.examples]


def _log_lines(cause: Cause) -> Iterable[str]:
    details = _details(cause)
    yield cause.heading
    if any(detail for _, detail in details):
        yield f"  {_counts(cause)}"
        for example, detail in details:
            yield f"    row {example.row}, tenant {preview(example.user_group_id)}: {detail}"
    else:
        names = ", ".join(preview(example.user_group_id) for example, _ in details)
        yield f"  {_counts(cause)}" + (f": {names}" if names else "") + (", …" if cause.count > len(details) else "")
    if cause.fix:
        yield f"  fix: {cause.fix}"


def _markdown_lines(cause: Cause) -> Iterable[str]:
    names = ", ".join(
        f"{_code(preview(example.user_group_id))}{f' ({_code(detail)})' if detail else ''}"
        for example, detail in _details(cause)
    )
    more = ", …" if cause.count > len(cause.examples) else ""
    yield f"- {_code(cause.heading)}"
    yield f"    - {_counts(cause)}" + (f": {names}{more}" if names else "")
    if cause.fix:
        yield f"    - fix: {_code(cause.fix)}"


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _wrap(line: str) -> list[str]:
    """Lines of the log page's width, with the line's own indent and two spaces more after the first."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, tabsize=1
    ) or [line]
