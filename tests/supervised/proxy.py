"""A TCP proxy before a server, whose network can be taken away: nothing gets through, and nothing is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Proxy:
    """Listens on ``port`` of this machine.

    :param connect: connects to the server; None: there is none, and whoever connects waits for ever.
    """

    def __init__(self, connect: Callable[[], socket.socket] | None) -> None:
        self._connect = connect
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        """Drop every packet from now on."""
        self._flows.clear()

    def close(self) -> None:
        for each in [self._listener, *self._sockets]:
            # A thread that waits in it is not woken by close alone.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._flows.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                self.connections += 1
                if self._connect is None:
                    continue
                server = self._connect()
                self._sockets.append(server)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
            self._flows.wait()
            target.shutdown(socket.SHUT_WR)
