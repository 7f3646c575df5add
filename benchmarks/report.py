"""A benchmark's result, as a table in Markdown, and on which machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One benchmark's table.

    :param columns: their headings; the last one is for goals.
    :param notes: how to read it, a paragraph each.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]

    def text(self) -> str:
        """The report in Markdown, its columns aligned."""
        widths = [max(len(cells[place]) for cells in (self.columns, *self.rows)) for place in range(len(self.columns))]
        lines = [_line(self.columns, widths), _line(["-" * width for width in widths], widths)]
        lines += [_line(row, widths) for row in self.rows]
        return "\n".join([f"# {self.title}", "", *lines, "", *(f"{note}\n" for note in self.notes), machine(), ""])

    def keep(self, name: str) -> Path:
        """Write the report to the folder of results."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}.md"
        path.write_text(self.text(), encoding="utf-8")
        return path


def goal(text: str, met: bool) -> str:
    """A goal, and whether it is met."""
    return f"{text}: {'met' if met else 'MISSED'}"


def machine() -> str:
    """The machine in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d}: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, Airflow {version('apache-airflow')}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
