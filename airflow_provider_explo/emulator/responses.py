"""What the emulator sends back, documented or guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

GUESS_HEADER = {"X-Explo-Emulator-Guess": "true"}


class ApiError(ValueError):
    """A request that Explo would refuse. How Explo words that is not documented, so the response is a guess."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The guessed error: ``{"success": 0, "error": "…", "guess": true}``."""
        return guessed({"success": 0, "error": str(self), "guess": True}, status=self.status, headers=headers)


def documented(document: Any) -> Response:
    """A response whose shape Explo documents."""
    return Response(encode(document), media_type="application/json")


def guessed(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response whose shape Explo does not document; a header says so."""
    return Response(encode(document), status, {**GUESS_HEADER, **(headers or {})}, "application/json")


def encode(document: Any) -> bytes:
    """JSON in plain ASCII, so that every text a tenant's name may hold survives, even half a surrogate pair."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
