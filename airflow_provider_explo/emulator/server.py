"""The emulator as a thing to start and stop: uvicorn in a thread, on a port of its own."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Sequence
from os import PathLike
from types import TracebackType
from typing import Any

import uvicorn

from airflow_provider_explo.emulator.app import build_app
from airflow_provider_explo.emulator.auth import ApiToken, Gatekeeper
from airflow_provider_explo.emulator.faults import Fault, FaultQueue
from airflow_provider_explo.emulator.group import Group
from airflow_provider_explo.emulator.limiter import Limiter
from airflow_provider_explo.emulator.middleware import Gate
from airflow_provider_explo.emulator.records import Record, Records
from airflow_provider_explo.emulator.state import State
from airflow_provider_explo.emulator.store import Store

DEFAULT_TOKEN = "explo-emulator-read-write-token"
START_SECONDS = 10.0


class ExploEmulator:
    """A local Explo. A context manager: it answers when the block begins, and is gone when it ends.

    ``token`` is a read-write API token of the visibility group ``production``; ``tokens`` are further ones.
    ``database`` is an SQLite file, made if missing, or None to keep everything in memory. ``requests_per_minute`` is
    the rate limit of each calling IP (Explo documents 180), None for none. ``port=0`` takes a free one.
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
    ) -> None:
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be from 0 to 65535, not {port!r}")
        self.token = token
        self._host = host
        self._port = port
        self._database = database
        self._gatekeeper = Gatekeeper([ApiToken(token), *(tokens or ())])
        self._limiter = Limiter(requests_per_minute)
        self._faults = FaultQueue()
        self._records = Records()
        self._state: State | None = None
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> ExploEmulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind, serve, and return once it answers. Started again, it comes back on the same port."""
        if self._state is not None:
            raise RuntimeError("the emulator is already running")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family)
        # asyncio turns Nagle's delay off only where the socket names its protocol; this one's connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            store = Store(self._database)
        except BaseException:
            listener.close()
            raise
        self._socket, self._port = listener, listener.getsockname()[1]
        self._state = State(store, self._gatekeeper, self._limiter, self._faults, self._records)
        self._server = _Server(build_app(self._state))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="explo-emulator", daemon=True)
        self._thread.start()
        try:
            self._wait_for_an_answer()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cut the connections, close the port and the database, and wait for the thread's end."""
        if self._state is None or self._server is None or self._thread is None or self._socket is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._state.store.close()
        self._state = self._server = self._thread = self._socket = None

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

    def clear_requests(self) -> None:
        """Count requests from 0 again."""
        self._records.clear()

    def reset(self) -> None:
        """Forget groups, tags, faults and requests; the rate limit's minute begins anew."""
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
        return self._running().store.all()

    def _running(self) -> State:
        if self._state is None:
            raise RuntimeError("the emulator is not running: use it within `with ExploEmulator() as explo:`")
        return self._state

    def _wait_for_an_answer(self) -> None:
        # The socket listens already, so this one request waits in its queue until the server takes it up.
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        connection = http.client.HTTPConnection(
            everywhere.get(self._host, self._host), self._port, timeout=START_SECONDS
        )
        try:
            connection.request("GET", "/_emulator/requests", headers={"Connection": "close"})
            connection.getresponse().read()
        finally:
            connection.close()


class _Server(uvicorn.Server):
    """uvicorn, quick to stop: what is still open is cut, as every change to the state is complete by then."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(
            uvicorn.Config(
                gate,
                interface="asgi3",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the rate limit is for the requesting IP, not for what a header says
                timeout_keep_alive=75,  # a slow caller's kept connection must not break under its next request
                timeout_graceful_shutdown=1,
            )
        )
        self._gate = gate

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gate.closing.set()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)
