"""A deadline for the whole of an answer: each read from the socket has the time that is left, and no more.

A socket's own time-out begins anew with every byte, so a server that sends its headers one at a time would never be
given up.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_thread = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Within this block, this thread's answers end after so many seconds, with a TimeoutError if they must."""
    _thread.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        del _thread.ends


class _TimedReader(io.RawIOBase):
    """Reads from a socket while there is time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._longest = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        ends = getattr(_thread, "ends", None)
        if ends is not None:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left if self._longest is None else min(left, self._longest))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _TimedHTTPConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedHTTPSConnection(HTTPSConnection):
    response_class = _TimedResponse


class _TimedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _TimedHTTPConnection


class _TimedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHTTPSConnection


class TimedAdapter(HTTPAdapter):
    """requests' adapter, whose answers keep to :func:`deadline`, over proxies too."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        _time(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
        manager = super().proxy_manager_for(*arguments, **named)
        _time(manager)
        return manager


def _time(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _TimedHTTPPool, "https": _TimedHTTPSPool}
