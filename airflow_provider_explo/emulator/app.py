"""The application: Explo's endpoints, the admin endpoints and the page, as FastAPI routes behind the gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from airflow_provider_explo.emulator import admin
from airflow_provider_explo.emulator.auth import HEADER
from airflow_provider_explo.emulator.customers import Call
from airflow_provider_explo.emulator.endpoints import ENDPOINTS, Endpoint
from airflow_provider_explo.emulator.middleware import ADMIN, JSON, Gate
from airflow_provider_explo.emulator.responses import Answer, Refusal
from airflow_provider_explo.emulator.state import State


def build_app(state: State) -> Gate:
    """The whole ASGI application around one state."""
    # No redirect to the path with a slash: without it, Explo's answer is "Method not allowed".
    api = FastAPI(title="Explo emulator", openapi_url=None, redirect_slashes=False)
    for endpoint in ENDPOINTS:
        api.add_api_route(endpoint.path, _route(endpoint, state), methods=[endpoint.method], response_class=Response)
    api.include_router(admin.router(state))
    api.add_exception_handler(HTTPException, _refuse)
    return Gate(api, state)


def _route(endpoint: Endpoint, state: State) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        try:
            access = state.gatekeeper.admit(request.headers.get(HEADER), writes=endpoint.writes)
            body = _body(request, needed=endpoint.method != "GET")
            return _response(endpoint.handle(Call(state.store, access, body, request.query_params)))
        except Refusal as refusal:
            return _response(refusal.answer())

    return serve


def _body(request: Request, *, needed: bool) -> dict[str, object]:
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refusal(415, "Send Content-Type: application/json")
    body = request.scope[JSON]
    if needed and not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    return body if isinstance(body, dict) else {}


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    if path.startswith(ADMIN):
        return await http_exception_handler(request, error)
    if error.status_code == 405 or not path.endswith("/"):
        return _response(Refusal(405, "Method not allowed").answer())
    return _response(Refusal(404, "No such endpoint").answer())


def _response(answer: Answer) -> Response:
    return Response(
        answer.body, status_code=answer.status, media_type=answer.content_type, headers=dict(answer.headers)
    )
