"""The outermost layer of the application: everything that happens to an API request, whichever endpoint it is for."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_explo.emulator import fields
from airflow_provider_explo.emulator.faults import Fault
from airflow_provider_explo.emulator.misbehaviour import deliver, doctored, instead
from airflow_provider_explo.emulator.records import Record, masked
from airflow_provider_explo.emulator.responses import Answer, Refusal
from airflow_provider_explo.emulator.state import State

ADMIN = "/_emulator/"
PAGES = "/user_groups/"
JSON = "explo.json"
MALFORMED = object()

log = logging.getLogger("airflow_provider_explo.emulator")


class Gate:
    """Pure ASGI: parses the body once, limits the rate, lets faults happen, records. Pages and admin pass by."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/" or scope["path"].startswith((ADMIN, PAGES)):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        scope[JSON] = _parsed(body)
        provided_id = self._about(scope[JSON])
        fault, answer = await self._answer(scope, provided_id)
        closed = fault is not None and fault.kind in ("close_before", "close_after")
        self._record(scope, provided_id, None if closed else answer.status, fault)
        await deliver(answer, fault, send, self.closing)

    async def _answer(self, scope: Scope, provided_id: str | None) -> tuple[Fault | None, Answer]:
        client = scope.get("client") or ("",)
        if not self._state.limiter.admit(client[0]):
            # Documented: 429 with a message, and no Retry-After.
            return None, Refusal(429, "Request was throttled: too many requests in the last minute").answer()
        fault = self._state.faults.take(scope["path"], provided_id)
        if fault is None:
            return None, await self._carried_out(scope)
        return fault, instead(fault) or doctored(fault, await self._carried_out(scope))

    async def _carried_out(self, scope: Scope) -> Answer:
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app(scope, _nothing_more, keep)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]]
        kept = tuple(header for header in headers if header[0] not in ("content-type", "content-length"))
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], body, headers=kept)

    def _about(self, body: Any) -> str | None:
        """The tenant that a request is about, be it named by an id or by its token."""
        if not isinstance(body, dict):
            return None
        for field in ("user_group_id", "provided_id"):
            if isinstance(body.get(field), str):
                return str(body[field])
        token = body.get("current_token")
        owner = self._state.store.owner(token) if isinstance(token, str) and token.isascii() else None
        return owner.provided_id if owner else None

    def _record(self, scope: Scope, provided_id: str | None, status: int | None, fault: Fault | None) -> None:
        body = None if scope[JSON] is MALFORMED else masked(scope[JSON])
        method, path, kind = scope["method"], scope["path"], fault.kind if fault else None
        self._state.records.add(Record(method, path, provided_id, status, body, kind, time.monotonic()))
        log.info("%s %s %s%s", method, path, status or "closed", f" ({kind})" if kind else "")


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if the caller left before its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return fields.parse(body)
    except ValueError:
        return MALFORMED
