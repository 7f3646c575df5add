"""uvicorn in a thread, on a port of its own."""

from __future__ import annotations

import http.client
import socket
import threading

import uvicorn

from airflow_provider_explo.emulator.middleware import ExploMiddleware

START_SECONDS = 10.0


class HttpServer:
    """Serves one application from its start to its stop. ``port=0`` takes a free one."""

    def __init__(self, host: str, port: int) -> None:
        """Bind the port. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._host = host
        self._socket = socket.create_server((host, port), family=family)
        # asyncio turns Nagle's delay off only where the socket names its protocol; this one's connections inherit it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Uvicorn | None = None

    def start(self, app: ExploMiddleware) -> None:
        """Serve, and return once it responds."""
        self._server = _Uvicorn(app)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="explo-emulator", daemon=True
        )
        self._thread.start()
        # The socket listens already, so this one request waits in its queue until the server takes it up.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        connection = http.client.HTTPConnection(host, self.port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/_emulator/requests", headers={"Connection": "close"})
            connection.getresponse().read()
        finally:
            connection.close()

    def stop(self) -> None:
        """Cut the connections, close the port, and wait for the thread's end."""
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()


class _Uvicorn(uvicorn.Server):
    """uvicorn, quick to stop: what is still open is cut, as every change to the state is complete by then."""

    def __init__(self, app: ExploMiddleware) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the rate limit is for the requesting IP, not for what a header says
                timeout_keep_alive=75,  # a slow client's kept connection must not break under its next request
                timeout_graceful_shutdown=1,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.closing.set()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)
