"""What the emulator sends back: a whole answer as a value, before it becomes bytes on a socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

GUESS_HEADER = ("X-Explo-Emulator-Guess", "true")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, body, content type and further headers."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """A request that Explo would turn down; how it words that is not documented, so the answer is a guess."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words

    def answer(self, *headers: tuple[str, str]) -> Answer:
        """The guessed error answer: ``{"success": 0, "error": "…", "guess": true}``."""
        return guessed({"success": 0, "error": self.words, "guess": True}, status=self.status, headers=headers)


def documented(document: Any, *, status: int = 200) -> Answer:
    """An answer whose shape Explo documents."""
    return Answer(status, encode(document))


def guessed(document: Any, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer whose shape Explo does not document; a header says so."""
    return Answer(status, encode(document), headers=(GUESS_HEADER, *headers))


def encode(document: Any) -> bytes:
    """JSON in plain ASCII, so that every text a tenant's name may hold survives, even half a surrogate pair."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
