"""Faults on request: what can go wrong between Explo and its clients, one at a time."""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import count
from typing import Any

from starlette.responses import HTMLResponse, Response

from airflow_provider_explo.emulator.responses import ApiError, encode, guessed

KINDS = {
    "rate_limit": "429, with retry_after (seconds or an HTTP date, sent as given) or without; nothing changed",
    "status": "any status, with a guessed JSON body, and retry_after if given; nothing changed",
    "slow": "the change is made, then seconds pass, then the usual response comes",
    "close_before": "the connection is closed, nothing changed",
    "close_after": "the change is made, then the connection is closed without a response",
    "html": "200 and an HTML page, as from a login wall; nothing changed",
    "truncated": "the change is made; the JSON is cut in half, and Content-Length agrees",
    "cut_off": "the change is made; Content-Length is of the whole, but the connection closes half-way",
    "redirect": "302, or the 3xx status given, to location; nothing changed",
    "wrong_tenant": "the change is made; the response carries another provided_id",
    "no_token": "the change is made; the response has no token",
    "shared_token": "the change is made; every group in the response has the same token",
    "refused": "200 with success 0; nothing changed",
    "oversized": "200 and a body of 64 MiB, of no announced length; nothing changed",
    "not_json_constant": "the change is made; the body has a NaN in it, which is not JSON",
    "other_shape": "the change is made; the response is wrapped in a list: JSON, but not as documented",
    "short_list": "the list of customers without the last of the page; its total stays",
    "older_list": "the list of customers as it once was: count for total_count, camelCase keys",
}
REDIRECT_STATUSES = (301, 302, 303, 307, 308)

_HTML = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"
_OPTIONS = {
    "rate_limit": {"retry_after"},
    "status": {"status", "retry_after"},
    "slow": {"seconds"},
    "redirect": {"status", "location"},
}
_REQUIRED = {"status": "status", "slow": "seconds", "redirect": "location"}


@dataclass(frozen=True)
class Fault:
    """One fault, and which requests it hits: ``times`` of them (None: for ever), then it is gone.

    ``path`` restricts it to paths that contain it, ``user_group_id`` to requests about that tenant (also those that
    name it by its token). ``status`` belongs to the kinds status (200 to 599) and redirect (301, 302, 303, 307, 308),
    ``retry_after`` to rate_limit and status, ``seconds`` to slow, ``location`` to redirect. ``KINDS`` says what each
    kind does. Raises ValueError that names the mistake.
    """

    kind: str
    _: KW_ONLY
    times: int | None = 1
    status: int | None = None
    retry_after: int | float | str | None = None
    seconds: float | None = None
    location: str | None = None
    path: str | None = None
    user_group_id: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; not {self.kind!r}")
        for option in ("status", "retry_after", "seconds", "location"):
            if getattr(self, option) is not None and option not in _OPTIONS.get(self.kind, ()):
                raise ValueError(f"a {self.kind} fault takes no {option}")
        required = _REQUIRED.get(self.kind)
        if required and getattr(self, required) is None:
            raise ValueError(f"a {self.kind} fault needs {required}")
        for option, valid, expected in (
            ("times", _is_number(self.times, int, 1), "a whole number from 1, or None"),
            ("status", _is_number(self.status, int, 200, 599), "a whole number from 200 to 599"),
            ("seconds", _is_number(self.seconds, (int, float), 0), "a number from 0"),
            (
                "retry_after",
                _is_number(self.retry_after, (int, float)) or _is_header(self.retry_after),
                "seconds or text",
            ),
            ("location", _is_header(self.location), "a header's text"),
            ("path", isinstance(self.path, str | None), "text, or None"),
            ("user_group_id", isinstance(self.user_group_id, str | None), "text, or None"),
        ):
            if not valid:
                raise ValueError(f"{option} must be {expected}, not {getattr(self, option)!r}")
        if self.kind == "redirect" and self.status not in (None, *REDIRECT_STATUSES):
            raise ValueError(f"the status of a redirect must be one of {REDIRECT_STATUSES}, not {self.status!r}")


class _Queued:
    """A fault in the queue: its place, and how often it is still to happen."""

    def __init__(self, place: int, fault: Fault) -> None:
        self.place, self.fault, self.left = place, fault, fault.times


class FaultQueue:
    """The faults that wait for their requests; the first that matches is taken.

    They wait in a line for each tenant and path, so that a request looks at the first of a few lines, however many
    faults wait.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places = count()
        self._lines: dict[str | None, dict[str | None, deque[_Queued]]] = {}

    def __len__(self) -> int:
        with self._lock:
            return sum(len(line) for lines in self._lines.values() for line in lines.values())

    def add(self, fault: Fault) -> None:
        with self._lock:
            lines = self._lines.setdefault(fault.user_group_id, {})
            lines.setdefault(fault.path, deque()).append(_Queued(next(self._places), fault))

    def clear(self) -> None:
        with self._lock:
            self._lines.clear()

    def take(self, path: str, provided_id: str | None) -> Fault | None:
        """The fault for this request, if there is one; it is then used up by one."""
        with self._lock:
            line = min(self._matching(path, provided_id), key=lambda line: line[0].place, default=None)
            if line is None:
                return None
            first = line[0]
            if first.left is not None:
                first.left -= 1
                if not first.left:
                    line.popleft()
            return first.fault

    def _matching(self, path: str, provided_id: str | None) -> Iterator[deque[_Queued]]:
        for tenant in {None, provided_id}:
            for part, line in self._lines.get(tenant, {}).items():
                if line and (part is None or part in path):
                    yield line


def short_circuit(fault: Fault) -> Response | None:
    """The response to send without carrying the request out; None if the fault wants it carried out."""
    make = _SHORT_CIRCUITS.get(fault.kind)
    return make(fault) if make else None


def mutate_response(fault: Fault, response: Response) -> Response:
    """The response, changed as the fault says."""
    mutate = _MUTATIONS.get(fault.kind)
    if mutate is None:
        return response
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(mutate(bytes(response.body)), response.status_code, headers)


def _is_number(value: Any, kind: Any, low: float = -math.inf, high: float = math.inf) -> bool:
    if value is None:
        return True
    return isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high and abs(value) != math.inf


def _is_header(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.isascii() and value.isprintable())


def _error(fault: Fault, status: int, message: str) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return ApiError(status, message).response(headers)


def _rename(record: dict[str, Any]) -> dict[str, Any]:
    return {key: f"{item}-of-another-tenant" if key == "provided_id" else item for key, item in record.items()}


def _share_token(value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "token": "0" * 64} if "token" in value else value


def _drop_tokens(record: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in record.items() if key not in ("token", "jwt")}


def _short_list(body: bytes) -> bytes:
    document = json.loads(body)
    if "total_count" in document:
        document["results"]["customers"] = document["results"]["customers"][:-1]
    return encode(document)


def _older_list(body: bytes) -> bytes:
    document = json.loads(body)
    if "total_count" not in document:
        return body
    rows = document["results"]["customers"]
    older = [{_camel_case(key): value for key, value in row.items()} for row in rows]
    return encode({"count": document["total_count"], "results": {"customers": older}})


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _objects(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[bytes], bytes]:
    """A change to each JSON object of a body, the inner ones first."""
    return lambda body: encode(json.loads(body, object_hook=change))


_SHORT_CIRCUITS: dict[str, Callable[[Fault], Response]] = {
    "rate_limit": lambda fault: _error(fault, 429, "Request was throttled"),
    "status": lambda fault: _error(fault, fault.status or 500, f"A fault was asked for: status {fault.status}"),
    "close_before": lambda fault: Response(),  # never sent
    "html": lambda fault: HTMLResponse(_HTML),
    "redirect": lambda fault: HTMLResponse("", fault.status or 302, {"Location": fault.location or ""}),
    "refused": lambda fault: guessed({"success": 0, "error": "A fault was asked for: refused", "guess": True}),
    "oversized": lambda fault: Response(media_type="application/json"),
}
_MUTATIONS: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda body: body[: len(body) // 2],
    "wrong_tenant": _objects(_rename),
    "no_token": _objects(_drop_tokens),
    "shared_token": _objects(_share_token),
    "not_json_constant": lambda body: b'{"not_a_number":NaN,' + body[1:],
    "other_shape": lambda body: b"[" + body + b"]",
    "short_list": _short_list,
    "older_list": _older_list,
}
