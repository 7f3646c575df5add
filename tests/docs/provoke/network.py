"""No response at all."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import trustme

from tests.client.conftest import PROXY_VARIABLES, respond
from tests.docs.provoke.stage import Stage

ALERT_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"


def away(stage: Stage) -> Iterator[str]:
    """Nothing listens there."""
    yield stage.create("http://127.0.0.1:1")
    yield stage.create("https://explo.invalid")
    yield stage.create(stage.server(*[None] * 9).url)
    # Refused by the kernel at once: no socket may connect to the broadcast address.
    yield stage.create("http://255.255.255.255:1", allow_http=True)


def tls(stage: Stage) -> Iterator[str]:
    """TLS that cannot be trusted."""
    for name in PROXY_VARIABLES:
        stage.monkeypatch.delenv(name.upper(), raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = stage.server(tls=context)
    yield stage.create(server.url)
    yield stage.create(stage.emulator.url.replace("http:", "https:"))
    empty = stage.folder / "gateway.pem"
    empty.write_text("no certificate")
    yield stage.create(server.url, verify=str(empty))
    refusing = stage.server()
    refusing.greeting = ALERT_HANDSHAKE_FAILURE
    yield stage.create(refusing.url.replace("http:", "https:"))
    stage.monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stage.folder / "missing.pem"))
    yield stage.create(server.url)


def proxies(stage: Stage) -> Iterator[str]:
    """A proxy on the way."""
    gone = stage.server()
    gone.stop()
    yield stage.create("https://explo.invalid", proxies={"https": gone.url})
    asking = stage.server(*[respond(status=407)] * 3)
    yield stage.create("https://explo.invalid", proxies={"https": asking.url})


def addresses(stage: Stage) -> Iterator[str]:
    """A host that cannot be one."""
    yield stage.create("https://a..b")


def unconnectable(stage: Stage) -> Iterator[str]:
    """A machine that takes no connection: its queue is full."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[Any] = []
        try:
            for _ in range(4):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(listener.getsockname())
            yield stage.create(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2)
        finally:
            for connection in waiting:
                connection.close()
