"""The emulator as a thing to start, to stop, and to look into."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any

from airflow_provider_explo.emulator import by_hand, jwt
from airflow_provider_explo.emulator.app import build_app
from airflow_provider_explo.emulator.auth import ApiToken, Authenticator
from airflow_provider_explo.emulator.by_hand import DEFAULT_VISIBILITY_GROUP
from airflow_provider_explo.emulator.faults import Fault, FaultQueue
from airflow_provider_explo.emulator.http_server import HttpServer
from airflow_provider_explo.emulator.records import Record, Records
from airflow_provider_explo.emulator.state import GoneEndpoints, RateLimiter, Settings, State
from airflow_provider_explo.emulator.store import Group, Store

DEFAULT_TOKEN = "explo-emulator-read-write-token"


class ExploEmulator:
    """A local Explo. A context manager: it serves when the block begins, and is gone when it ends.

    ``token`` is a read-write API token of the visibility group ``production``; ``tokens`` are further ones.
    ``database`` is an SQLite file, made if missing, or None to keep everything in memory. ``requests_per_minute`` is
    the rate limit of each requesting IP (Explo documents 180), None for none. ``port=0`` takes a free one.

    ``hierarchy_levels`` are the customers' levels, one to three, the root first. ``data_sources`` are the ids that a
    mapping may lead to, of all visibility groups or of each by its name; None for any. ``max_page_size`` caps the
    pages of the list, whatever size was asked for. ``gone`` are endpoints that are retired: names such as
    ``create_user_group`` or beginnings of paths such as ``/embed/``, alone (404) or with the status of each: 404, 405,
    410, or 301, 302, 303, 307, 308 for a redirect to ``https://omni.co/explo``.

    ``add``, ``add_many``, ``edit``, ``delete`` and ``refresh_token`` are what people do in Explo itself: no requests,
    but the same rules. Their fields are those of the Customer API; they raise ValueError where it would refuse.

    Raises ValueError for a wrong argument, OSError if the port is taken, sqlite3.Error if the file is no database.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = DEFAULT_TOKEN,
        tokens: Sequence[ApiToken] | None = None,
        database: str | PathLike[str] | None = None,
        requests_per_minute: int | None = None,
        hierarchy_levels: Sequence[str] = Settings.hierarchy_levels,
        data_sources: Collection[str] | Mapping[str, Collection[str]] | None = None,
        max_page_size: int = Settings.max_page_size,
        gone: Mapping[str, int] | Iterable[str] = (),
    ) -> None:
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be from 0 to 65535, not {port!r}")
        self.token = token
        self._host = host
        self._port = port
        self._database = database
        self._settings = Settings(tuple(hierarchy_levels), data_sources, max_page_size)
        self._authenticator = Authenticator([ApiToken(token), *(tokens or ())])
        self._limiter = RateLimiter(requests_per_minute)
        self._gone = GoneEndpoints(gone)
        self._faults = FaultQueue()
        self._records = Records()
        self._state: State | None = None
        self._server: HttpServer | None = None

    def __enter__(self) -> ExploEmulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind, serve, and return once it responds. Started again, it comes back on the same port."""
        if self._server is not None:
            raise RuntimeError("the emulator is already running")
        self._server = HttpServer(self._host, self._port)
        self._port = self._server.port
        try:
            parts = self._settings, self._authenticator, self._limiter, self._gone, self._faults, self._records
            self._state = State(Store(self._database), *parts)
            self._server.start(build_app(self._state))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cut the connections, close the port and the database, and wait for the thread's end."""
        if self._server is not None:
            self._server.stop()
        if self._state is not None:
            self._state.store.close()
        self._state = self._server = None

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:PORT``."""
        self._running()
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    def connection_json(self, **extra: Any) -> str:
        """An Airflow connection to it, for ``AIRFLOW_CONN_EXPLO_DEFAULT``; ``extra`` are the connection's extras."""
        connection: dict[str, Any] = {"conn_type": "explo", "host": self.url, "password": self.token}
        return json.dumps({**connection, "extra": extra} if extra else connection)

    def inject(self, fault: Fault) -> None:
        """Let a fault happen to the next request that it matches, after the faults that already wait."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Forget the faults that still wait."""
        self._faults.clear()

    @property
    def gone(self) -> Mapping[str, int]:
        """The endpoints that are retired, with their statuses. Set it to change them while it runs."""
        return dict(self._gone.statuses)

    @gone.setter
    def gone(self, endpoints: Mapping[str, int] | Iterable[str]) -> None:
        self._gone.replace(endpoints)

    def add(self, *, visibility_group: str = DEFAULT_VISIBILITY_GROUP, **fields: Any) -> Group:
        """A customer made elsewhere: ``add(provided_id="acme", name="Acme")``. Returns it."""
        self.add_many([fields], visibility_group=visibility_group)
        return by_hand.get(self._running(), visibility_group, fields["provided_id"])

    def add_many(
        self, customers: int | Iterable[Mapping[str, Any]], *, visibility_group: str = DEFAULT_VISIBILITY_GROUP
    ) -> None:
        """Many customers at once, all or none: mappings of fields, or a number of them (``tenant-1``, …)."""
        by_hand.add_many(self._running(), customers, visibility_group)

    def edit(self, provided_id: str, *, visibility_group: str = DEFAULT_VISIBILITY_GROUP, **fields: Any) -> Group:
        """Change a customer: ``edit("acme", name="Acme Ltd")``. Returns it as it is now."""
        return by_hand.edit(self._running(), visibility_group, {"provided_id": provided_id, **fields})

    def delete(self, provided_id: str, *, visibility_group: str = DEFAULT_VISIBILITY_GROUP) -> None:
        """Delete a customer."""
        by_hand.delete(self._running(), visibility_group, provided_id)

    def refresh_token(self, provided_id: str, *, visibility_group: str = DEFAULT_VISIBILITY_GROUP) -> str:
        """Replace a customer's token. Returns the new one."""
        return by_hand.refresh_token(self._running(), visibility_group, provided_id)

    def add_tag(self, name: str) -> None:
        """A group tag; nothing if it is there."""
        if name not in self._running().store.tags():
            self._running().store.add_tag(name)

    def read_jwt(self, token: str) -> dict[str, Any]:
        """The claims of an embed JWT that ``generate_jwt`` returned."""
        return jwt.decrypt(token)

    def clear_requests(self) -> None:
        """Count requests from 0 again."""
        self._records.clear()

    def reset(self) -> None:
        """Forget groups, tags, faults and requests; begin the rate limit's minute again, and restore ``gone``."""
        self._running().reset()

    @property
    def request_count(self) -> int:
        """How many API requests came, refused ones too; not those to the page or to ``/_emulator/``."""
        return self._records.count

    @property
    def requests(self) -> list[Record]:
        """The last 10,000 API requests, oldest first; still there when the emulator has stopped."""
        return self._records.last()

    @property
    def groups(self) -> list[Group]:
        """Every group of every visibility group, in the order they were made, with their tokens."""
        return self._running().store.find()

    @property
    def tags(self) -> list[str]:
        """The names of the group tags, in the order they were made."""
        return self._running().store.tags()

    def _running(self) -> State:
        if self._state is None:
            raise RuntimeError("the emulator is not running: use it within `with ExploEmulator() as explo:`")
        return self._state
