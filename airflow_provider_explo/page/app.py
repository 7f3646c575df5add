"""The page, served: Airflow says who the user is and what they may read; a template lays out what was found."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import anyio
import anyio.to_thread
import httpx
import jinja2
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from airflow_provider_explo import __version__
from airflow_provider_explo.exceptions import ExploError
from airflow_provider_explo.page import queries, view
from airflow_provider_explo.page.pending import waiting_plans
from airflow_provider_explo.version_compat import PAGE_PREFIX

# A database that hangs holds so many threads, and not those that serve the rest of Airflow.
THREADS = 4
# Of a token with which the page asks Airflow's REST API in the same process.
SECONDS = 60
MAY_READ_RUNS = partial(requires_access_dag, method="GET", access_entity=DagAccessEntity.RUN)

environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def build() -> FastAPI:
    """The application, which Airflow's own mounts."""
    app = FastAPI(title="Explo", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    limiter: list[anyio.CapacityLimiter] = []

    @app.get("/", dependencies=[Depends(MAY_READ_RUNS())])
    async def page(
        request: Request,
        user: GetUserDep,
        task: Annotated[str, Query(max_length=600)] = "",
        runs: Annotated[int, Query(ge=1, le=10_000)] = 1,
        broken: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> Response:
        if not limiter:
            # It belongs to the event loop.
            limiter.append(anyio.CapacityLimiter(THREADS))
        settings = queries.Settings.read()
        read = partial(
            queries.read,
            settings,
            may_read=partial(_may_read, request, user),
            task=task,
            runs_page=runs,
            rejects_page=broken,
        )
        content = await anyio.to_thread.run_sync(read, limiter=limiter[0])
        plans = None
        try:
            plans = await _waiting(request, user, task)
        except ExploError as error:
            content.errors.append(str(error))
        values = view.values(content, plans, settings=settings, task=task, runs_page=runs, rejects_page=broken)
        return _html(request, "page.html", values)

    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> Response:
        if error.status_code == 401 and "text/html" in request.headers.get("accept", ""):
            here = f"{request.url.path}?{request.url.query}".rstrip("?")
            return RedirectResponse(f"{_root(request)}/api/v2/auth/login?{urlencode({'next': here})}", 307)
        return _html(request, "error.html", {"status": error.status_code, "detail": error.detail}, error.status_code)

    return app


def _may_read(request: Request, user: Any, dag_id: str) -> bool:
    try:
        MAY_READ_RUNS(param_dag_id=dag_id)(request, user)
    except HTTPException:
        return False
    return True


async def _waiting(request: Request, user: Any, task: str) -> list[Any]:
    token = get_auth_manager().generate_jwt(user, expiration_time_in_seconds=SECONDS)
    async with httpx.AsyncClient(
        # In this process, and not over a network.
        transport=httpx.ASGITransport(app=request.scope["airflow_app"], raise_app_exceptions=False),
        base_url=str(request.base_url.replace(path="/")),
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    ) as api:
        return await waiting_plans(api, task=task)


def _root(request: Request) -> str:
    """The path of Airflow itself, for links: empty, or where a proxy leads to it."""
    return quote(str(request.scope.get("root_path", "")).removesuffix(PAGE_PREFIX))


def _html(request: Request, template: str, values: dict[str, Any], status: int = 200) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    text = environment.get_template(template).render(root=_root(request), prefix=PAGE_PREFIX, nonce=nonce, **values)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, status, headers)
