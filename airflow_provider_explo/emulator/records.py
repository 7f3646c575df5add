"""The API requests: a count of all, and the last ten thousand of them, with tokens masked."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

KEPT = 10_000


@dataclass(frozen=True)
class Record:
    """One API request.

    ``provided_id`` is the tenant it was about, if any, also where the request named it by its token. ``status`` is None
    where the connection was closed without a response. ``body`` is the JSON that came, tokens masked, None if there
    was none. ``fault`` is the kind of the fault that hit it. ``at`` is ``time.monotonic()``.
    """

    method: str
    path: str
    provided_id: str | None
    status: int | None
    body: Any
    fault: str | None
    at: float

    @property
    def user_group_id(self) -> str | None:
        """The same as ``provided_id``, under its older name."""
        return self.provided_id


class Records:
    """The requests so far. Safe to read from another thread than the one that adds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: deque[Record] = deque(maxlen=KEPT)
        self._by_status: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        with self._lock:
            self._last.append(record)
            self._by_status["closed" if record.status is None else str(record.status)] += 1

    def clear(self) -> None:
        with self._lock:
            self._last.clear()
            self._by_status.clear()

    @property
    def count(self) -> int:
        with self._lock:
            return sum(self._by_status.values())

    @property
    def by_status(self) -> dict[str, int]:
        """How many requests got which status; ``"closed"`` counts those that got none."""
        with self._lock:
            return dict(sorted(self._by_status.items()))

    def last(self, n: int = KEPT) -> list[Record]:
        """The last ``n`` requests, oldest first."""
        with self._lock:
            return list(self._last)[-n:]


def mask(secret: str) -> str:
    """Enough of a token to tell two apart: ``"abcd…"``; nothing at all of a short one."""
    return f"{secret[:4]}…" if len(secret) >= 16 else "…"


def mask_tokens(value: Any) -> Any:
    """The same JSON, with everything masked that stands under a key with "token" in its name."""
    if isinstance(value, dict):
        return {key: _mask_all(item) if "token" in key.lower() else mask_tokens(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_tokens(item) for item in value]
    return value


def _mask_all(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    return mask_tokens(value) if isinstance(value, dict | list) else "…"
