"""The emulator's own endpoints, under ``/_emulator/``, and its pages. No token is asked for, none is shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException, Response
from fastapi.responses import HTMLResponse

from airflow_provider_explo.emulator import pages
from airflow_provider_explo.emulator.faults import Fault
from airflow_provider_explo.emulator.middleware import PAGES
from airflow_provider_explo.emulator.records import masked
from airflow_provider_explo.emulator.responses import encode
from airflow_provider_explo.emulator.state import State

SHOWN_REQUESTS = 100
PAGE_HEADERS = {
    # A page runs nothing and fetches nothing, whatever a tenant's name may hold.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "no-store",
}


def router(state: State) -> APIRouter:
    """Routes over one state."""
    routes = APIRouter()
    admin = "/_emulator"

    @routes.get("/", response_class=HTMLResponse)
    async def show_page() -> HTMLResponse:
        return HTMLResponse(pages.render(state), headers=PAGE_HEADERS)

    @routes.get(PAGES + "{provided_id:path}", response_class=HTMLResponse)
    async def show_tenant(provided_id: str) -> HTMLResponse:
        known = bool(state.store.named(provided_id))
        return HTMLResponse(pages.render(state, provided_id), status_code=200 if known else 404, headers=PAGE_HEADERS)

    @routes.post(f"{admin}/faults")
    async def add_fault(wanted: Annotated[Any, Body()] = None) -> Response:
        try:
            if not isinstance(wanted, dict):
                raise ValueError("send the fault's fields as a JSON object")
            if unknown := sorted(wanted.keys() - Fault.__dataclass_fields__.keys()):
                raise ValueError(f"a fault has no {', '.join(unknown)}")
            if "kind" not in wanted:
                raise ValueError("a fault needs kind")
            fault = Fault(**wanted)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        state.faults.add(fault)
        return _json(asdict(fault))

    @routes.delete(f"{admin}/faults")
    async def clear_faults() -> Response:
        cleared = len(state.faults)
        state.faults.clear()
        return _json({"cleared": cleared})

    @routes.get(f"{admin}/requests")
    async def show_requests() -> Response:
        records = state.records
        shown = [asdict(record) for record in records.last(SHOWN_REQUESTS)]
        return _json({"count": records.count, "by_status": records.by_status, "requests": shown})

    @routes.get(f"{admin}/groups")
    async def show_groups() -> Response:
        groups = [masked(asdict(group)) for group in state.store.all()]
        return _json({"count": len(groups), "groups": groups})

    @routes.post(f"{admin}/reset")
    async def reset(what: Literal["all", "requests"] = "all") -> Response:
        if what == "requests":
            state.records.clear()
        else:
            state.reset()
        return _json({"reset": what})

    return routes


def _json(document: Any) -> Response:
    return Response(encode(document), media_type="application/json")
