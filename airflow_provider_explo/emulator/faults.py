"""Faults on request: what can go wrong between Explo and its callers, one at a time."""

from __future__ import annotations

import math
import threading
from dataclasses import KW_ONLY, dataclass

KINDS = {
    "rate_limit": "429, with retry_after (seconds or an HTTP date, sent as given) or without; nothing changed",
    "status": "any status, with a guessed JSON body, and retry_after if given; nothing changed",
    "slow": "the change is made, then seconds pass, then the answer comes as usual",
    "close_before": "the connection is closed, nothing changed",
    "close_after": "the change is made, then the connection is closed without an answer",
    "html": "200 and an HTML page, as from a login wall; nothing changed",
    "truncated": "the change is made; the JSON is cut in half, and Content-Length agrees",
    "cut_off": "the change is made; Content-Length is of the whole, but the connection closes half-way",
    "redirect": "302, or the 3xx status given, to location; nothing changed",
    "wrong_tenant": "the change is made; the answer carries another provided_id",
    "no_token": "the change is made; the answer has no token",
    "refused": "200 with success 0; nothing changed",
    "oversized": "200 and a body of 64 MiB, of no announced length; nothing changed",
    "not_json_constant": "the change is made; the body has a NaN in it, which is not JSON",
    "other_shape": "the change is made; the answer is wrapped in a list: JSON, but not as documented",
    "older_list": "the list of customers as it once was: count for total_count, camelCase keys",
}

_TAKES = {
    "rate_limit": {"retry_after"},
    "status": {"status", "retry_after"},
    "slow": {"seconds"},
    "redirect": {"status", "location"},
}
_NEEDS = {"status": ("status",), "slow": ("seconds",), "redirect": ("location",)}
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Fault:
    """One fault, and which requests it hits: ``times`` of them (None: for ever), then it is gone.

    ``path`` restricts it to paths that contain it, ``user_group_id`` to requests about that tenant (also those that
    name it by its token). ``status`` belongs to the kinds status (200 to 599) and redirect (301, 302, 303, 307, 308),
    ``retry_after`` to rate_limit and status, ``seconds`` to slow, ``location`` to redirect. ``KINDS`` says what each
    kind does. Raises ValueError that names the mistake.
    """

    kind: str
    _: KW_ONLY
    times: int | None = 1
    status: int | None = None
    retry_after: int | float | str | None = None
    seconds: float | None = None
    location: str | None = None
    path: str | None = None
    user_group_id: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; not {self.kind!r}")
        takes = _TAKES.get(self.kind, set())
        for option in ("status", "retry_after", "seconds", "location"):
            if getattr(self, option) is not None and option not in takes:
                raise ValueError(f"a {self.kind} fault takes no {option}")
        for option in _NEEDS.get(self.kind, ()):
            if getattr(self, option) is None:
                raise ValueError(f"a {self.kind} fault needs {option}")
        self._check_values()

    def _check_values(self) -> None:
        if self.times is not None and not (_whole(self.times) and self.times >= 1):
            raise ValueError(f"times must be a whole number from 1, or None, not {self.times!r}")
        if self.status is not None and not (_whole(self.status) and 200 <= self.status <= 599):
            raise ValueError(f"status must be a whole number from 200 to 599, not {self.status!r}")
        if self.kind == "redirect" and self.status not in (None, *_REDIRECTS):
            raise ValueError(f"the status of a redirect must be one of {_REDIRECTS}, not {self.status!r}")
        if self.seconds is not None and not (_number(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds must be a number from 0, not {self.seconds!r}")
        if not (self.retry_after is None or _number(self.retry_after) or _header(self.retry_after)):
            raise ValueError(f"retry_after must be seconds or the text of a header, not {self.retry_after!r}")
        if not (self.location is None or _header(self.location)):
            raise ValueError(f"location must be the text of a header, not {self.location!r}")
        for option in ("path", "user_group_id"):
            if not isinstance(getattr(self, option), str | None):
                raise ValueError(f"{option} must be text, or None, not {getattr(self, option)!r}")

    def hits(self, path: str, provided_id: str | None) -> bool:
        """Whether this fault is meant for a request to this path about this tenant."""
        return (self.path is None or self.path in path) and self.user_group_id in (None, provided_id)


class FaultQueue:
    """The faults that wait for their requests; the first that matches is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, int | None]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, path: str, provided_id: str | None) -> Fault | None:
        """The fault for this request, if there is one; it is then used up by one."""
        with self._lock:
            for index, (fault, left) in enumerate(self._waiting):
                if fault.hits(path, provided_id):
                    if left == 1:
                        del self._waiting[index]
                    elif left is not None:
                        self._waiting[index] = (fault, left - 1)
                    return fault
        return None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _header(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()
