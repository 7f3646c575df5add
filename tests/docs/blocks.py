"""The fenced code blocks of README and documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r'^--8<-- "(?P<path>[^"]+)"$')


@dataclass(frozen=True)
class Block:
    """One block.

    :param place: file and line, for the name of a test.
    """

    place: str
    language: str
    text: str

    @property
    def included(self) -> Path | None:
        """The file that the block includes when the site is built, or None."""
        found = SNIPPET.match(self.text.strip())
        return ROOT / found["path"] if found else None


def blocks(*languages: str) -> list[Block]:
    """Those of these languages; all where none is named."""
    return [block for block in _all() if not languages or block.language in languages]


def _all() -> Iterator[Block]:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        for found in FENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(f"{path.relative_to(ROOT)}:{line}", found["language"], found["text"])
