"""The pages: what the emulator holds, and the last requests, of all tenants or of one. Self-contained documents."""

from __future__ import annotations

import json
import time
from importlib.resources import files
from typing import Any

from jinja2 import Environment

from airflow_provider_explo.emulator.records import mask, mask_tokens
from airflow_provider_explo.emulator.state import State

SHOWN_GROUPS = 200
SHOWN_REQUESTS = 50


def render(state: State, provided_id: str | None = None) -> bytes:
    """The page as HTML in UTF-8, about one tenant if an id is given. Tokens are masked, everything else is escaped."""
    document = _PAGE.render(_all(state) if provided_id is None else _tenant(state, provided_id), now=time.monotonic())
    # A request may hold half a surrogate pair, which UTF-8 cannot.
    return document.encode("utf-8", "replace")


def _all(state: State) -> dict[str, Any]:
    group_count, request_count = state.store.count(), state.records.count
    counters: dict[str, Any] = {"Groups": group_count, "Requests": request_count, "Faults waiting": len(state.faults)}
    for status, number in state.records.by_status.items():
        counters["Closed" if status == "closed" else f"Status {status}"] = number
    counters["Requests a minute"] = state.limiter.limit or "no limit"
    if state.gone.statuses:
        counters["Gone"] = ", ".join(state.gone.statuses)
    return {
        "title": "Explo emulator",
        "counters": counters,
        "groups": state.store.find(limit=SHOWN_GROUPS, newest_first=True),
        "group_count": group_count,
        "requests": state.records.last(SHOWN_REQUESTS)[::-1],
        "request_count": request_count,
        "tokens": state.authenticator.tokens,
    }


def _tenant(state: State, provided_id: str) -> dict[str, Any]:
    groups = state.store.find(provided_id=provided_id)
    requests = [record for record in reversed(state.records.last()) if record.provided_id == provided_id]
    return {
        "title": f"User group {provided_id}",
        "groups": groups,
        "group_count": len(groups),
        "requests": requests[:SHOWN_REQUESTS],
        "request_count": len(requests),
    }


def _short_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"


_ENVIRONMENT = Environment(autoescape=True)
_ENVIRONMENT.filters |= {"mask": mask, "mask_tokens": mask_tokens, "short_json": _short_json}
_PAGE = _ENVIRONMENT.from_string((files(__package__) / "page.html").read_text("utf-8"))
