"""Airflow 3's execution API, as much of it as one task needs: it accepts everything, and remembers it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

DATE = "2024-01-01T00:00:00Z"
DAG_RUN = {
    "dag_id": "ends",
    "run_id": "run",
    "run_type": "manual",
    "state": "running",
    "partition_key": None,
    "consumed_asset_events": [],
    **dict.fromkeys(
        ("logical_date", "start_date", "run_after", "data_interval_start", "data_interval_end", "end_date"), DATE
    ),
}


class ExecutionApi:
    """The API, at ``url``."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(handler) -> None:
                length = int(handler.headers.get("Content-Length") or 0)
                body = json.loads(handler.rfile.read(length) or "null")
                self.received.append((handler.path, body))
                is_start = handler.path.endswith("/run")
                payload = {"dag_run": DAG_RUN, "max_tries": 0, "should_retry": False} if is_start else {"message": "ok"}
                data = json.dumps(payload).encode()
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(data)))
                handler.end_headers()
                handler.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def states(self) -> list[str]:
        """The states that the task was in."""
        return [body["state"] for path, body in self.received if path.endswith(("/state", "/run"))]

    @contextmanager
    def serve(self) -> Iterator[ExecutionApi]:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
