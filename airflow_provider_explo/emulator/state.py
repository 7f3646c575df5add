"""All that one emulator holds, and its settings."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from airflow_provider_explo.emulator.auth import Authenticator
from airflow_provider_explo.emulator.faults import REDIRECT_STATUSES, FaultQueue
from airflow_provider_explo.emulator.records import Records
from airflow_provider_explo.emulator.store import Store

DOCUMENTED_REQUESTS_PER_MINUTE = 180
DOCUMENTED_MAX_PAGE_SIZE = 1000
GONE_STATUSES = (404, 405, 410, *REDIRECT_STATUSES)


@dataclass(frozen=True)
class Settings:
    """What is set for the whole life of an emulator; ``ExploEmulator`` says what each means."""

    hierarchy_levels: tuple[str, ...] = ("Customer", "User")
    data_sources: Collection[str] | Mapping[str, Collection[str]] | None = None
    max_page_size: int = DOCUMENTED_MAX_PAGE_SIZE

    def __post_init__(self) -> None:
        levels = self.hierarchy_levels
        if not (1 <= len(levels) <= 3 and all(levels) and len(set(levels)) == len(levels)):
            raise ValueError(f"hierarchy_levels must be one to three different names, not {levels!r}")
        if isinstance(self.max_page_size, bool) or not 1 <= self.max_page_size <= DOCUMENTED_MAX_PAGE_SIZE:
            raise ValueError(f"max_page_size must be from 1 to {DOCUMENTED_MAX_PAGE_SIZE}, not {self.max_page_size!r}")
        if isinstance(self.data_sources, str):
            raise ValueError("data_sources must be several ids, not one text")

    def rank(self, level: str) -> int:
        """0 is the root level, and what a file holds of levels that are unknown by now."""
        return self.hierarchy_levels.index(level) if level in self.hierarchy_levels else 0

    def data_sources_of(self, visibility_group: str) -> Collection[str] | None:
        """The ids that a mapping may hold; None for any."""
        if isinstance(self.data_sources, Mapping):
            return self.data_sources.get(visibility_group)
        return self.data_sources


class RateLimiter:
    """A sliding window for each client. ``limit=None`` admits everything. Refused requests do not fill the window."""

    def __init__(self, limit: int | None, *, window: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f"requests_per_minute must be a whole number above 0, or None, not {limit!r}")
        self.limit = limit
        self._window = window
        self._clock = clock
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, client: str) -> bool:
        """Whether this request is within the limit; if so, it counts."""
        if self.limit is None:
            return True
        now = self._clock()
        admitted = self._admitted[client]
        while admitted and admitted[0] <= now - self._window:
            admitted.popleft()
        if len(admitted) >= self.limit:
            return False
        admitted.append(now)
        return True

    def clear(self) -> None:
        """Begin a new window for every client."""
        self._admitted.clear()


class GoneEndpoints:
    """The endpoints that are retired, by name or prefix of their paths, and the status of each."""

    def __init__(self, endpoints: Mapping[str, int] | Iterable[str]) -> None:
        self.statuses: dict[str, int] = {}
        self.replace(endpoints)
        self._initial = self.statuses

    def replace(self, endpoints: Mapping[str, int] | Iterable[str]) -> None:
        """Raises ValueError for any other status than GONE_STATUSES."""
        if isinstance(endpoints, str) or not isinstance(endpoints, Iterable):
            raise ValueError(f"gone must be a mapping of endpoints to statuses, or several endpoints: {endpoints!r}")
        statuses = dict(endpoints) if isinstance(endpoints, Mapping) else dict.fromkeys(endpoints, 404)
        for endpoint, status in statuses.items():
            if not isinstance(endpoint, str) or not endpoint:
                raise ValueError(f"gone: an endpoint must be its name or the beginning of its path, not {endpoint!r}")
            if status not in GONE_STATUSES:
                raise ValueError(f"gone: the status of {endpoint!r} must be one of {GONE_STATUSES}, not {status!r}")
        self.statuses = statuses

    def status(self, path: str) -> int | None:
        """The status of this path; None if it is still served."""
        name = path.strip("/").rpartition("/")[2]
        for endpoint, status in self.statuses.items():
            if endpoint == name or (endpoint.startswith("/") and path.startswith(endpoint)):
                return status
        return None

    def reset(self) -> None:
        """Back to the endpoints that were gone in the beginning."""
        self.statuses = self._initial


@dataclass(frozen=True)
class State:
    """The parts, each of which looks after itself."""

    store: Store
    settings: Settings
    authenticator: Authenticator
    limiter: RateLimiter
    gone: GoneEndpoints
    faults: FaultQueue
    records: Records

    def reset(self) -> None:
        """Forget groups, tags, faults and records, begin the rate limit's minute again, and restore ``gone``."""
        self.store.clear()
        self.limiter.clear()
        self.gone.reset()
        self.faults.clear()
        self.records.clear()
