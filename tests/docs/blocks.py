"""The fenced code blocks of README and documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^\s*(?P<fence>`{3,}|~{3,})(?P<language>.*)$")
SNIPPET = re.compile(r'^--8<-- "(?P<path>[^"]+)"$')


@dataclass(frozen=True)
class Block:
    """One block.

    :param place: file and line, for the name of a test.
    :param language: all that stands behind the opening fence.
    """

    place: str
    language: str
    text: str

    @property
    def included(self) -> Path | None:
        """The file that the block includes when the site is built, or None."""
        found = SNIPPET.match(self.text.strip())
        return ROOT / found["path"] if found else None

    @property
    def code(self) -> str:
        """What a reader sees."""
        return self.included.read_text() if self.included else self.text

    @property
    def is_conftest(self) -> bool:
        """Whether it is the surroundings of those tests."""
        return self.code.startswith("# conftest.py\n")

    @property
    def is_test(self) -> bool:
        """Whether it is meant for pytest."""
        return "\ndef test_" in self.code


def blocks(*languages: str) -> list[Block]:
    """Those of these languages; all where none is named."""
    return [block for block in _everywhere() if not languages or block.language in languages]


@cache
def _everywhere() -> tuple[Block, ...]:
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return tuple(block for path in paths for block in found_in(path.read_text(), str(path.relative_to(ROOT))))


def found_in(text: str, name: str) -> Iterator[Block]:
    """The blocks of one file; one that is not closed goes on to the end."""
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for number, line in enumerate([*text.splitlines(), None], start=1):
        fence = FENCE.match(line) if line is not None else None
        if opened is None:
            if fence:
                opened, begun, lines = fence, number, []
        elif line is None or (fence and fence["fence"].startswith(opened["fence"]) and not fence["language"].strip()):
            yield Block(f"{name}:{begun}", opened["language"].strip(), dedent("\n".join(lines)) + "\n")
            opened = None
        else:
            lines.append(line)
