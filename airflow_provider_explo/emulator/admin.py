"""The emulator's own endpoints, under ``/_emulator/``, and its pages. They need no token, and show none."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from airflow_provider_explo.emulator import by_hand, pages
from airflow_provider_explo.emulator.faults import Fault
from airflow_provider_explo.emulator.middleware import ADMIN, PAGES
from airflow_provider_explo.emulator.records import mask_tokens
from airflow_provider_explo.emulator.responses import encode
from airflow_provider_explo.emulator.state import State

SHOWN_REQUESTS = 100
PAGE_HEADERS = {
    # A page runs nothing and fetches nothing, whatever a tenant's name may hold.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "no-store",
}


def build_admin(state: State) -> FastAPI:
    """The application of these endpoints over one state. A mistake in a request is a 422 that names it."""
    app = FastAPI(title="Explo emulator", openapi_url=None, redirect_slashes=False)

    @app.exception_handler(ValueError)
    async def show_mistake(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, 422)

    @app.get("/")
    async def show_page() -> Response:
        return HTMLResponse(pages.render(state), headers=PAGE_HEADERS)

    @app.get(PAGES + "{provided_id:path}")
    async def show_tenant(provided_id: str) -> Response:
        known = state.store.get(provided_id=provided_id)
        return HTMLResponse(pages.render(state, provided_id), 200 if known else 404, PAGE_HEADERS)

    @app.post(f"{ADMIN}faults")
    async def add_fault(fault: Annotated[Any, Body()] = None) -> Response:
        if not isinstance(fault, dict):
            raise ValueError("send the fault's fields as a JSON object")
        if unknown := sorted(fault.keys() - Fault.__dataclass_fields__.keys()):
            raise ValueError(f"a fault has no {', '.join(unknown)}")
        if "kind" not in fault:
            raise ValueError("a fault needs kind")
        parsed = Fault(**fault)
        state.faults.add(parsed)
        return _json(asdict(parsed))

    @app.delete(f"{ADMIN}faults")
    async def clear_faults() -> Response:
        cleared = len(state.faults)
        state.faults.clear()
        return _json({"cleared": cleared})

    @app.put(f"{ADMIN}gone")
    async def replace_gone(endpoints: Annotated[Any, Body()] = None) -> Response:
        state.gone.replace(endpoints)
        return _json(state.gone.statuses)

    @app.get(f"{ADMIN}requests")
    async def show_requests() -> Response:
        records = state.records
        shown = [asdict(record) for record in records.last(SHOWN_REQUESTS)]
        return _json({"count": records.count, "by_status": records.by_status, "requests": shown})

    @app.get(f"{ADMIN}groups")
    async def show_groups() -> Response:
        groups = [mask_tokens(asdict(group)) for group in state.store.find()]
        return _json({"count": len(groups), "groups": groups})

    @app.post(f"{ADMIN}groups")
    async def add_groups(customers: Annotated[Any, Body()] = None) -> Response:
        by_hand.add_many(state, customers)
        return _json({"count": state.store.count()})

    @app.post(f"{ADMIN}reset")
    async def reset(what: Literal["all", "requests"] = "all") -> Response:
        if what == "requests":
            state.records.clear()
        else:
            state.reset()
        return _json({"reset": what})

    return app


def _json(document: Any) -> Response:
    return Response(encode(document), media_type="application/json")
