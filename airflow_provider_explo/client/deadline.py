"""Connections whose responses end by a deadline."""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from functools import cache
from typing import Any

from requests.adapters import HTTPAdapter

MAX_SOCKET_TIMEOUT = 24 * 3600.0

_thread = threading.local()


def set_deadline(time_left: float) -> None:
    """Let this thread's next request end after so many seconds."""
    _thread.deadline = time.monotonic() + time_left


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until the deadline of this thread's request.

    A socket's own timeout starts again with every byte, so headers that trickle would never time out.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._socket = raw, sock
        self._read_timeout = sock.gettimeout() or MAX_SOCKET_TIMEOUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        time_left = _thread.deadline - time.monotonic()
        if time_left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(min(time_left, self._read_timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter, whose responses end by the deadline, also through proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _enforce_deadline(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return _enforce_deadline(super().proxy_manager_for(*args, **kwargs))


def _enforce_deadline(manager: Any) -> Any:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _deadline_pool(pool) for scheme, pool in pools.items()}
    return manager


@cache
def _deadline_pool(pool: type) -> type:
    connection: Any = pool.ConnectionCls  # type: ignore[attr-defined]
    if connection.response_class is _DeadlineResponse:
        return pool
    connection = type(connection.__name__, (connection,), {"response_class": _DeadlineResponse})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
