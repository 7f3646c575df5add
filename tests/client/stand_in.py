"""Explo at the level of the wire, and a clock that only sleeping moves."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import trustme

from airflow_provider_explo.client.client import ExploClient
from airflow_provider_explo.client.models import Request
from airflow_provider_explo.exceptions import ExploProtocolError
from tests.errors import everything_shown

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


def without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def changed_group(**changes: Any) -> dict[str, Any]:
    """The documented response, with other values in its group."""
    return created(user_group=group(**changes))


def silent(request: Received, connection: socket.socket) -> None:
    """Keep the connection open without a response, until the client closes it."""
    connection.recv(1)


def assert_refused(explo: StandIn, error: Any) -> None:
    assert type(error) is ExploProtocolError
    assert (error.status, error.endpoint, error.ambiguous) == (200, "POST /embed/create_user_group/", False)
    assert "tenant 'acme'" in str(error)
    assert "POST /embed/create_user_group/" in str(error)
    assert "check" in str(error)
    assert TENANT_TOKEN not in everything_shown(error)
    assert API_TOKEN not in everything_shown(error)
    assert len(explo.received) == 1
