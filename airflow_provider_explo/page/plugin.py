"""The page as an Airflow plugin. Every process of Airflow imports this; what serves the page is imported when used."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from airflow_provider_explo.version_compat import PAGE_PREFIX, page_is_on

if TYPE_CHECKING:
    from fastapi import FastAPI


@cache
def _app() -> FastAPI:
    from airflow_provider_explo.page.app import build

    return build()


async def serve(scope: Any, receive: Any, send: Any) -> None:
    """The page, as an ASGI application, which is made with its first request."""
    # The page asks Airflow's own application, in which it is mounted, for what it shows of DAG runs.
    scope["airflow_app"] = scope.get("app")
    await _app()(scope, receive, send)


class ExploPlugin(AirflowPlugin):
    """Registers the page and its entry in the menu, if ``[explo] page`` is true and Airflow is 3.1 or later."""

    name = "explo"
    fastapi_apps: list[Any] = []
    external_views: list[Any] = []
    if page_is_on():
        fastapi_apps = [{"app": serve, "url_prefix": PAGE_PREFIX, "name": "Explo"}]
        # Without a url_route it opens as a page of its own: in the frame of another, its links to Airflow would not.
        external_views = [
            {
                "name": "Explo",
                "href": f"{urlsplit(conf.get('api', 'base_url', fallback=None) or '').path.rstrip('/')}{PAGE_PREFIX}/",
                "destination": "nav",
                "category": "browse",
            }
        ]
