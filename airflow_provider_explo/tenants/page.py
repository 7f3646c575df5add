"""The causes of a run on one page: as text for Airflow's log, and as Markdown for a notification."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from airflow_provider_explo.exceptions import counted, preview
from airflow_provider_explo.tenants.cause import Cause, Example

MAX_LINES = 40
MAX_CHARACTERS = 4000
# Airflow's log page does not wrap.
WIDTH = 88


def log_page(head: str, causes: Sequence[Cause], tail: Sequence[str] = ()) -> str:
    """Lay out what a run ended with for the log.

    :param head: the first line.
    :param causes: in their order; those that find no room are counted.
    :param tail: the last lines.
    """
    blocks = [[line for part in _log_lines(cause) for line in _wrap(part)] for cause in causes]
    return _page([head], blocks, causes, list(tail), omitted="and {}, of {}, in the log above")


def markdown_page(head: str, causes: Sequence[Cause]) -> str:
    """The same in Markdown: values are code, so that none of them is a link, a mention or an image."""
    blocks = [list(_markdown_lines(cause)) for cause in causes]
    return _page([f"**{head}**", ""], blocks, causes, [], omitted="- and {}, of {}, in the task's log")


def _page(
    head: list[str], blocks: Sequence[list[str]], causes: Sequence[Cause], tail: list[str], *, omitted: str
) -> str:
    """As many blocks as fit, and the first in any case."""
    shown = len(blocks)
    while True:
        rest = causes[shown:]
        lines = [*head, *(line for block in blocks[:shown] for line in block)]
        if rest:
            lines.append(
                omitted.format(counted(len(rest), "more cause"), counted(sum(cause.count for cause in rest), "row"))
            )
        text = "\n".join([*lines, *tail]).strip()
        if shown <= 1 or (text.count("\n") < MAX_LINES and len(text) <= MAX_CHARACTERS):
            return text
        shown -= 1


def _counts(cause: Cause) -> str:
    text = f"{cause.outcome}: {counted(cause.count, 'row')}"
    if cause.unsent:
        text += ", not sent" if cause.unsent == cause.count else f", {cause.unsent:,} of them not sent"
    return f"this ended the run; {text}" if cause.ended_run else text


def _details(cause: Cause) -> list[str]:
    """What the examples say beyond the cause; one for all where it is the same."""
    said = (cause.title.startswith(example.detail.removesuffix("…")) for example in cause.examples)
    details = ["" if same else example.detail for same, example in zip(said, cause.examples, strict=True)]
    return details if len(set(details)) > 1 else details[:1]


def _log_lines(cause: Cause) -> Iterable[str]:
    yield cause.heading
    names = [_name(example) for example in cause.examples]
    details = _details(cause)
    if len(details) > 1:
        yield f"  {_counts(cause)}"
        yield from (f"    {name}: {detail}" for name, detail in zip(names, details, strict=True))
    else:
        yield "".join([f"  {_counts(cause)}", _such_as(cause), ", ".join(names)])
        yield from (f"  {detail}" for detail in details if detail)
    if cause.fix:
        yield f"  fix: {cause.fix}"


def _name(example: Example) -> str:
    # A tenant who is not in the query has no row.
    return f"row {example.row} {preview(example.user_group_id)}" if example.row else preview(example.user_group_id)


def _markdown_lines(cause: Cause) -> Iterable[str]:
    names = [code_span(preview(example.user_group_id)) for example in cause.examples]
    details = [f" ({code_span(detail)})" if detail else "" for detail in _details(cause)]
    common = details.pop() if len(details) == 1 else ""
    listed = ", ".join(map("".join, zip(names, details, strict=True))) if details else ", ".join(names)
    yield f"- {code_span(cause.heading)}"
    yield f"    - {_counts(cause)}{_such_as(cause)}{listed}{common}"
    if cause.fix:
        yield f"    - fix: {code_span(cause.fix)}"


def _such_as(cause: Cause) -> str:
    if not cause.examples:
        return ""
    return ", such as " if cause.count > len(cause.examples) else ": "


def code_span(text: str) -> str:
    """Text in Markdown that is shown as it is: a tenant's name may hold a link, an image or HTML."""
    return f"`{text.replace('`', chr(39))}`"


def _wrap(line: str) -> list[str]:
    """Lines of the log page's width, with the line's own indent and two spaces more after the first."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, tabsize=1
    ) or [line]
