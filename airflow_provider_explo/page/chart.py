"""Charts as inline SVG: stacked columns. What they show is in a table beside them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 180
LEFT, TOP, BOTTOM = 52, 12, 22
GAP = 0.25


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a chart.

    :param label: below it, where there is room.
    :param title: what a mouse over it shows.
    :param parts: heights by kind, from the bottom up; the kind is also the CSS class.
    """

    label: str
    title: str
    parts: Mapping[str, float]


def stacked_columns(columns: Sequence[Column], *, title: str, limit: float | None = None, labels: int = 6) -> Markup:
    """An SVG image.

    :param title: its accessible name.
    :param limit: a line across it.
    :param labels: of columns, at most.
    """
    top = nice_ceiling(max([limit or 0, *(sum(column.parts.values()) for column in columns)]))
    scale = (HEIGHT - TOP - BOTTOM) / top
    floor = HEIGHT - BOTTOM
    step = (WIDTH - LEFT) / max(1, len(columns))
    lines = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
        ' preserveAspectRatio="xMinYMin meet">'
    ]
    for value in (0, top / 2, top):
        y = floor - value * scale
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.6g}</text>')
    every = max(1, -(-len(columns) // labels))
    for number, column in enumerate(columns):
        x, y = LEFT + step * (number + GAP / 2), float(floor)
        lines.append(f"<g><title>{escape(column.title)}</title>")
        for kind, value in column.parts.items():
            height = value * scale
            y -= height
            size = f'x="{x:.1f}" y="{y:.1f}" width="{step * (1 - GAP):.1f}" height="{height:.1f}"'
            lines.append(f'<rect class="{escape(kind)}" {size}/>')
        lines.append("</g>")
        if number % every == 0:
            lines.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 6}">{escape(column.label)}</text>')
    if limit:
        y = floor - limit * scale
        lines.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    return Markup("\n".join([*lines, "</svg>"]))


def nice_ceiling(value: float) -> float:
    """The next of 2, 4, 10, 20, 40, 100, …, so that half of it is a round number too."""
    ceiling = 2.0
    factors = (2, 2.5, 2)
    number = 0
    while ceiling < value:
        ceiling *= factors[number % 3]
        number += 1
    return ceiling
