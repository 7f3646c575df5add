"""A stand-in for Explo at the level of the wire, a clock that only sleeping moves, and clients that use both."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.models import Request
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.client.settings import ClientSettings
from tests.errors import everything_shown, failure

API_TOKEN = "api-token-5a1f0c"
TENANT_TOKEN = "tenant-token-93be77"
NO_RATE = 1e12
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle")

Reply = bytes | Callable[["Received", socket.socket], Any] | None


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    header_names: tuple[str, ...]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Clock:
    """Seconds that pass only when someone sleeps, and ``tick`` at each look."""

    now: float = 1000.0
    tick: float = 0.0
    naps: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        with self.lock:
            self.now += self.tick
            return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.naps.append(seconds)
            self.now += seconds


class StandIn:
    """Responds to each request with the next reply of its queue, and with a well-formed one when there is none.

    A reply is the bytes of a whole response, None to close the connection without a word, or a function that does
    something else with the socket (and closes it).
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._tls = tls
        self._replies: deque[Reply] = deque()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.received: list[Received] = []
        self.connections = 0
        self.handshakes_to_cut = 0
        self.spoiled_handshakes: list[Callable[[socket.socket], None]] = []
        self.greeting = b""
        self.before_body = b""
        self.stopping = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def will(self, *replies: Reply) -> None:
        self._replies.extend(replies)

    def use_certificate_of(self, authority: trustme.CA) -> None:
        """Present another certificate from now on."""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._tls)

    def stop(self) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        with suppress(OSError), plain:
            plain.sendall(self.greeting)
            if self.handshakes_to_cut:
                self.handshakes_to_cut -= 1
                plain.recv(65_536)
                plain.shutdown(socket.SHUT_RDWR)
                return
            if self.spoiled_handshakes:
                plain.recv(65_536)
                self.spoiled_handshakes.pop()(plain)
                return
            with self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as connection:
                stream = connection.makefile("rb")
                while (request := self._read(connection, stream, number)) is not None:
                    reply = self._take(request)
                    if not isinstance(reply, bytes):
                        if reply is not None:
                            reply(request, connection)
                        # close() alone leaves the connection open for as long as the stream is.
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                    connection.sendall(reply)

    def _read(self, connection: socket.socket, stream: Any, number: int) -> Received | None:
        first = stream.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers: list[tuple[str, str]] = []
        while line := stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        connection.sendall(self.before_body)
        by_name = {name.lower(): value for name, value in headers}
        body = stream.read(int(by_name.get("content-length", "0")))
        return Received(first[0], first[1], by_name, tuple(name for name, _ in headers), body, number)

    def _take(self, request: Received) -> Reply:
        with self._lock:
            self.received.append(request)
            return self._replies.popleft() if self._replies else well_formed(request)


def well_formed(request: Received) -> bytes:
    """Explo's response when all is well, for every endpoint that the client knows."""
    entity = "customer" if "customer" in request.target else "user_group"
    body = request.json if request.body else {}
    if "group_tag" in request.target:
        return respond({"success": 1, "group_tags": [{"name": "gold"}, {"name": "eu"}], "group_tag": {"name": "gold"}})
    if request.method == "GET":
        return respond({"total_count": 0, "results": {"customers": []}})
    if request.method == "DELETE":
        return respond({"success": 1})
    if "generate_jwt" in request.target:
        return respond({"success": 1, "jwt": TENANT_TOKEN})
    provided_id = body.get("user_group_id", body.get("provided_id", "acme"))
    flag = {f"new_{entity}": True} if "create" in request.target else {}
    return respond({"success": 1, entity: group(provided_id, name=body.get("name")), **flag})


def group(provided_id: str = "acme", **fields: Any) -> dict[str, Any]:
    return {"team_id": 3, "token": TENANT_TOKEN, "name": "Acme", "provided_id": provided_id, **fields}


def created(*, new: Any = True, **fields: Any) -> dict[str, Any]:
    """The documented response for the tenant ``acme``."""
    return {"success": 1, "new_user_group": new, "user_group": group(), **fields}


def respond(
    body: Any = b"", *, status: int | str = 200, headers: Mapping[str, str] | None = None, length: bool = True
) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", **({"Content-Length": str(len(raw))} if length else {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **(headers or {})}.items())
    reason = "" if isinstance(status, str) else " Whatever"
    return f"HTTP/1.1 {status}{reason}\r\n{head}\r\n".encode("latin-1") + raw


def create(client: ExploClient, **fields: Any) -> Any:
    return client.create_user_group(user_group_id="acme", name="Acme", **fields)


def smallest_request() -> Request:
    """The smallest request."""
    return Request(method="GET", path="/v2/api/customers/", has_success=False)


def tunnel(request: Received, connection: socket.socket) -> None:
    """Do as a proxy does after CONNECT: pass on what comes, both ways, until one side closes."""
    host, _, port = request.target.rpartition(":")
    with socket.create_connection((host, int(port))) as beyond:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pump, args=(beyond, connection), daemon=True)
        back.start()
        _pump(connection, beyond)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


class Kit:
    """The helpers above, as one fixture: test modules cannot import a conftest."""

    API_TOKEN = API_TOKEN
    TENANT_TOKEN = TENANT_TOKEN
    Clock = Clock
    StandIn = StandIn
    respond = staticmethod(respond)
    created = staticmethod(created)
    group = staticmethod(group)
    smallest_request = staticmethod(smallest_request)
    create = staticmethod(create)
    tunnel = staticmethod(tunnel)
    failure = staticmethod(failure)
    everything_shown = staticmethod(everything_shown)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No proxy, CA bundle or netrc of the machine that runs the tests."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
def stand_in() -> Iterator[Callable[..., StandIn]]:
    running: list[StandIn] = []

    def start(**options: Any) -> StandIn:
        running.append(StandIn(**options))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def explo(stand_in: Callable[..., StandIn]) -> StandIn:
    return stand_in()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_client(explo: StandIn, clock: Clock) -> Iterator[Callable[..., ExploClient]]:
    """Makes clients of the stand-in; time passes only on the fake clock, and every jitter is the longest."""
    made: list[ExploClient] = []

    def make(
        *,
        max_in_flight: int = 1,
        rate_limiter: RateLimiter | None = None,
        max_attempts: int | None = None,
        **settings: Any,
    ) -> ExploClient:
        settings = {"token": API_TOKEN, "base_url": explo.url, "timeout": 5, **settings}
        made.append(
            ExploClient(
                ClientSettings(**settings),
                max_in_flight=max_in_flight,
                rate_limiter=rate_limiter or RateLimiter(NO_RATE, clock=clock, sleep=clock.sleep),
                retry=RetryPolicy(uniform=lambda low, high: high),
                max_attempts=max_attempts,
            )
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[..., ExploClient]) -> ExploClient:
    return new_client()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_explo(authority: trustme.CA, stand_in: Callable[..., StandIn]) -> StandIn:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return stand_in(tls=context)


@pytest.fixture
def ca_bundle(authority: trustme.CA, tmp_path: Any) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def every_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every record of every logger, urllib3's included."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "airflow_provider_explo"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog
