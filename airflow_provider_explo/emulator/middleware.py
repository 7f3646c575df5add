"""The outermost layer of the application: everything that happens to an API request, whichever endpoint it is for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_explo.emulator import fields
from airflow_provider_explo.emulator.faults import Fault, mutate_response, short_circuit
from airflow_provider_explo.emulator.records import Record, mask_tokens
from airflow_provider_explo.emulator.responses import ApiError
from airflow_provider_explo.emulator.state import State

ADMIN = "/_emulator/"
PAGES = "/user_groups/"
SUCCESSOR = "https://omni.co/explo"
OVERSIZED = 64 * 1024 * 1024
MALFORMED = object()

_CHUNK = b"x" * 65_536
_GONE = {404: "No such endpoint", 405: "Method not allowed", 410: "This endpoint is gone"}

log = logging.getLogger("airflow_provider_explo.emulator")


class ExploMiddleware:
    """Parses the body once, limits the rate, retires endpoints, injects faults, records. Pages and admin pass by.

    ``api`` handles a request, with its parsed body; ``pages`` is the application of the pages and the admin endpoints.
    """

    def __init__(self, api: Callable[[Request, Any], Response], pages: ASGIApp, state: State) -> None:
        self._api = api
        self._pages = pages
        self._state = state
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/" or scope["path"].startswith((ADMIN, PAGES)):
            await self._pages(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = _parse(await request.body())
        except ClientDisconnect:
            return
        provided_id = self._find_tenant(body)
        fault, response = self._respond(request, body, provided_id)
        closed = fault is not None and fault.kind in ("close_before", "close_after")
        self._record(scope, body, provided_id, None if closed else response.status_code, fault)
        await self._deliver(response, fault, scope, receive, send)

    def _respond(self, request: Request, body: Any, provided_id: str | None) -> tuple[Fault | None, Response]:
        client = request.scope.get("client") or ("",)
        if not self._state.limiter.admit(client[0]):
            # Documented: 429 with a message, and no Retry-After.
            return None, ApiError(429, "Request was throttled: too many requests in the last minute").response()
        path = request.scope["path"]
        if (gone := self._state.gone.status(path)) is not None:
            if gone in _GONE:
                return None, ApiError(gone, _GONE[gone]).response()
            return None, HTMLResponse("", gone, {"Location": SUCCESSOR})
        fault = self._state.faults.take(path, provided_id)
        if fault is None:
            return None, self._api(request, body)
        return fault, short_circuit(fault) or mutate_response(fault, self._api(request, body))

    def _find_tenant(self, body: Any) -> str | None:
        """The tenant that a request is about, be it named by an id or by its token."""
        if not isinstance(body, dict):
            return None
        for field in ("user_group_id", "provided_id"):
            if isinstance(body.get(field), str):
                return str(body[field])
        token = body.get("current_token")
        group = self._state.store.get(token=token) if isinstance(token, str) and token.isascii() else None
        return group.provided_id if group else None

    def _record(
        self, scope: Scope, body: Any, provided_id: str | None, status: int | None, fault: Fault | None
    ) -> None:
        shown = None if body is MALFORMED else mask_tokens(body)
        method, path, kind = scope["method"], scope["path"], fault.kind if fault else None
        self._state.records.add(Record(method, path, provided_id, status, shown, kind, time.monotonic()))
        log.info("%s %s %s%s", method, path, status or "closed", f" ({kind})" if kind else "")

    async def _deliver(
        self, response: Response, fault: Fault | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send the response, in the way of the fault."""
        kind = fault.kind if fault else None
        if fault is not None and fault.seconds is not None:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.closing.wait(), fault.seconds)
        if kind in ("close_before", "close_after"):
            _drop(send)
        elif kind == "cut_off":
            await _start(response, send)
            half = bytes(response.body)[: len(response.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            _drop(send)
        elif kind == "oversized":
            await self._flood(response, send)
        else:
            if response.status_code in (204, 304):
                response.body = b""
            await response(scope, receive, send)

    async def _flood(self, response: Response, send: Send) -> None:
        del response.headers["Content-Length"]
        await _start(response, send)
        await send({"type": "http.response.body", "body": b'{"success":1,"padding":"', "more_body": True})
        for _ in range(OVERSIZED // len(_CHUNK)):
            if self.closing.is_set() or _cycle(send).disconnected:
                break
            await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
        await send({"type": "http.response.body", "body": b'"}'})


def _parse(body: bytes) -> Any:
    try:
        return fields.parse(body) if body else None
    except ValueError:
        return MALFORMED


async def _start(response: Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})


def _drop(send: Send) -> None:
    """Close the connection behind ``send``, after what was already written to it."""
    cycle = _cycle(send)
    cycle.disconnected = True  # so that uvicorn does not complain of a response that is missing or incomplete
    cycle.transport.close()


def _cycle(send: Send) -> Any:
    """uvicorn's side of this request, which holds the transport. ASGI itself cannot close a connection.

    The ``send`` that uvicorn hands to the outermost application is a method of it, for h11 and httptools alike.
    """
    return send.__self__  # type: ignore[attr-defined]
