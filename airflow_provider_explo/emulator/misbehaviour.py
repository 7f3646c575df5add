"""What each fault does to an answer: given instead of it, done to it, or done to the connection it goes over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.types import Send

from airflow_provider_explo.emulator.faults import Fault
from airflow_provider_explo.emulator.responses import Answer, Refusal, encode, guessed

OVERSIZED = 64 * 1024 * 1024

_CHUNK = b"x" * 65_536
_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"


def instead(fault: Fault) -> Answer | None:
    """The answer to give without carrying the request out; None if the fault wants it carried out."""
    make = _INSTEAD.get(fault.kind)
    return make(fault) if make else None


def doctored(fault: Fault, answer: Answer) -> Answer:
    """The answer, spoiled as the fault says."""
    spoil = _DOCTORED.get(fault.kind)
    return Answer(answer.status, spoil(answer.body), answer.content_type, answer.headers) if spoil else answer


async def deliver(answer: Answer, fault: Fault | None, send: Send, closing: asyncio.Event) -> None:
    """Send the answer, in the way of the fault. ``closing`` is set when the server is about to stop."""
    kind = fault.kind if fault else None
    if fault is not None and fault.seconds is not None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(closing.wait(), fault.seconds)
    if kind in ("close_before", "close_after"):
        drop(send)
    elif kind == "cut_off":
        await _start(answer, send, length=len(answer.body))
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        drop(send)
    elif kind == "oversized":
        await _flood(answer, send, closing)
    else:
        empty = answer.status in (204, 304)
        await _start(answer, send, length=None if empty else len(answer.body))
        await send({"type": "http.response.body", "body": b"" if empty else answer.body})


def drop(send: Send) -> None:
    """Close the connection behind ``send``, after what was already written to it."""
    cycle = _cycle(send)
    cycle.disconnected = True  # so that uvicorn does not complain of an answer that is missing or incomplete
    cycle.transport.close()


def _cycle(send: Send) -> Any:
    """uvicorn's side of this request, which holds the transport. ASGI itself has no word for closing a connection.

    The ``send`` that uvicorn hands to the outermost application is a method of it, for h11 and httptools alike.
    """
    return send.__self__  # type: ignore[attr-defined]


async def _start(answer: Answer, send: Send, *, length: int | None) -> None:
    headers = [("Content-Type", answer.content_type), *answer.headers]
    if length is not None:
        headers.append(("Content-Length", str(length)))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})


async def _flood(answer: Answer, send: Send, closing: asyncio.Event) -> None:
    await _start(answer, send, length=None)
    await send({"type": "http.response.body", "body": b'{"success":1,"padding":"', "more_body": True})
    for _ in range(OVERSIZED // len(_CHUNK)):
        if closing.is_set() or _cycle(send).disconnected:
            break
        await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b'"}'})


def _status(fault: Fault, status: int, words: str) -> Answer:
    after = () if fault.retry_after is None else (("Retry-After", str(fault.retry_after)),)
    return Refusal(status, words).answer(*after)


def _renamed(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            key: f"{item}-of-another-tenant" if key == "provided_id" else _renamed(item)
            for key, item in document.items()
        }
    return [_renamed(item) for item in document] if isinstance(document, list) else document


def _tokenless(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _tokenless(item) for key, item in document.items() if key not in ("token", "jwt")}
    return [_tokenless(item) for item in document] if isinstance(document, list) else document


def _older_list(document: Any) -> Any:
    if not isinstance(document, dict) or "total_count" not in document:
        return document
    rows = document["results"]["customers"]
    older = [{_camel_case(key): value for key, value in row.items()} for row in rows]
    return {"count": document["total_count"], "results": {"customers": older}}


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _with_document(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda body: encode(change(json.loads(body)))


_INSTEAD: dict[str, Callable[[Fault], Answer]] = {
    "rate_limit": lambda fault: _status(fault, 429, "Request was throttled"),
    "status": lambda fault: _status(fault, fault.status or 500, f"A fault was asked for: status {fault.status}"),
    "close_before": lambda fault: Answer(0, b""),  # never sent
    "html": lambda fault: Answer(200, _HTML, "text/html; charset=utf-8"),
    "redirect": lambda fault: Answer(
        fault.status or 302, b"", "text/html; charset=utf-8", (("Location", fault.location or ""),)
    ),
    "refused": lambda fault: guessed({"success": 0, "error": "A fault was asked for: refused", "guess": True}),
    "oversized": lambda fault: Answer(200, b""),
}
_DOCTORED: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda body: body[: len(body) // 2],
    "wrong_tenant": _with_document(_renamed),
    "no_token": _with_document(_tokenless),
    "not_json_constant": lambda body: b'{"not_a_number":NaN,' + body[1:],
    "other_shape": lambda body: b"[" + body + b"]",
    "older_list": _with_document(_older_list),
}
