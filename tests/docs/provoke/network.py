"""No answer at all."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import trustme

from tests.client.conftest import PROXY_VARIABLES, respond
from tests.docs.provoke.stage import Stage

ALERT_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"


def away(stage: Stage) -> Iterator[str]:
    """Nobody there."""
    yield stage.create("http://127.0.0.1:1")
    yield stage.create("https://explo.invalid")
    yield stage.create(stage.server(*[None] * 9).url)
    # Refused by the kernel at once: nobody may connect to all machines.
    yield stage.create("http://255.255.255.255:1", allow_http=True)


def tls(stage: Stage) -> Iterator[str]:
    """Somebody there, but not to be trusted."""
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
    """A host that can be none."""
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
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
                waiting.append(one)
            yield stage.create(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2)
        finally:
            for one in waiting:
                one.close()
