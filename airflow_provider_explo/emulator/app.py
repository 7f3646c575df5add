"""Every endpoint of Explo on one page, and the application that serves them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from airflow_provider_explo.emulator import admin, customers, fields, jwt
from airflow_provider_explo.emulator.api_versions import CUSTOMER, EMBED, USER_GROUP
from airflow_provider_explo.emulator.auth import HEADER
from airflow_provider_explo.emulator.customers import ApiRequest
from airflow_provider_explo.emulator.middleware import ExploMiddleware
from airflow_provider_explo.emulator.responses import ApiError, documented
from airflow_provider_explo.emulator.state import State
from airflow_provider_explo.emulator.store import IdTaken


class Endpoint(NamedTuple):
    """What a method and path do, and whether it needs an API token that may write."""

    handle: Callable[[ApiRequest], dict[str, Any]]
    writes: bool = True


def generate_jwt(request: ApiRequest) -> dict[str, Any]:
    """A short-lived token to embed a dashboard with. The names of the claims beside the first two are a guess."""
    readers = {
        "provided_id": fields.filled_text,
        "embed_id": fields.filled_text,
        "key_id": fields.optional_text,
        "expiration": fields.optional_text,
        "embed_origin": fields.optional_text,
        "chart_id": fields.optional_text,
    }
    values = fields.read(request.body, readers, required=("provided_id", "embed_id"))
    customers.get(request)
    key_id, expiration = values.pop("key_id", None), values.pop("expiration", None)
    claims = {"cst": values.pop("provided_id"), "dsh": values.pop("embed_id"), **values}
    seconds = jwt.DEFAULT_LIFETIME if expiration is None else jwt.lifetime(expiration)
    return {"success": 1, "jwt": jwt.encrypt(claims, seconds=seconds, key_id=key_id)}


def list_tags(request: ApiRequest) -> dict[str, Any]:
    """All group tags."""
    return {"success": 1, "group_tags": [{"name": name} for name in request.state.store.tags()]}


def create_tag(request: ApiRequest) -> dict[str, Any]:
    """Creating an existing tag is an error."""
    (name,) = _texts(request, "name")
    try:
        request.state.store.add_tag(name)
    except IdTaken:
        raise ApiError(400, "A group tag with this name already exists") from None
    return {"success": 1, "group_tag": {"name": name}}


def rename_tag(request: ApiRequest) -> dict[str, Any]:
    """The customers keep the tag under its new name: a guess."""
    name, new_name = _texts(request, "name", "new_name")
    _check_tag(request, name)
    try:
        request.state.store.rename_tag(name, new_name)
    except IdTaken:
        raise ApiError(400, "A group tag with this new_name already exists") from None
    return {"success": 1, "group_tag": {"name": new_name}}


def delete_tag(request: ApiRequest) -> dict[str, Any]:
    """A tag that does not exist is an error. The customers lose the tag: a guess."""
    (name,) = _texts(request, "name")
    _check_tag(request, name)
    request.state.store.delete_tag(name)
    return {"success": 1}


def _texts(request: ApiRequest, *names: str) -> list[str]:
    values = fields.read(request.body, dict.fromkeys(names, fields.filled_text), required=names)
    return [values[name] for name in names]


def _check_tag(request: ApiRequest, name: str) -> None:
    if name not in request.state.store.tags():
        raise ApiError(404, "No such group tag")


ENDPOINTS = {
    ("POST", "/embed/create_user_group/"): Endpoint(partial(customers.get_or_create, version=EMBED)),
    ("POST", "/api/create_user_group/"): Endpoint(partial(customers.get_or_create, version=USER_GROUP)),
    ("POST", "/embed/update_user_group/"): Endpoint(partial(customers.update, version=EMBED)),
    ("POST", "/api/update_user_group/"): Endpoint(partial(customers.update, version=USER_GROUP)),
    ("DELETE", "/api/delete_user_group/"): Endpoint(customers.delete),
    ("POST", "/api/refresh_user_group_token/"): Endpoint(partial(customers.refresh_token, version=USER_GROUP)),
    ("GET", "/v2/api/customers/"): Endpoint(customers.list_page, writes=False),
    ("POST", "/api/get_customer/"): Endpoint(customers.get, writes=False),
    ("POST", "/api/create_customer/"): Endpoint(partial(customers.get_or_create, version=CUSTOMER)),
    ("POST", "/api/update_customer/"): Endpoint(partial(customers.update, version=CUSTOMER)),
    ("DELETE", "/api/delete_customer/"): Endpoint(customers.delete),
    ("POST", "/api/refresh_customer_token/"): Endpoint(partial(customers.refresh_token, version=CUSTOMER)),
    ("POST", "/api/generate_jwt/"): Endpoint(generate_jwt, writes=False),
    ("GET", "/api/group_tags/"): Endpoint(list_tags, writes=False),
    ("POST", "/api/create_group_tag/"): Endpoint(create_tag),
    ("POST", "/api/rename_group_tag/"): Endpoint(rename_tag),
    ("POST", "/api/delete_group_tag/"): Endpoint(delete_tag),
}
_PATHS = {path for _, path in ENDPOINTS}


def build_app(state: State) -> ExploMiddleware:
    """The whole ASGI application around one state."""
    return ExploMiddleware(partial(serve, state), admin.build_admin(state), state)


def serve(state: State, request: Request, body: Any) -> Response:
    """The response to a request whose body was parsed already."""
    method, path = request.method, request.scope["path"]
    try:
        endpoint = ENDPOINTS.get((method, path))
        if endpoint is None:
            # Documented: without the slash at its end, a path gives "Method not allowed".
            known = path in _PATHS or not path.endswith("/")
            raise ApiError(405, "Method not allowed") if known else ApiError(404, "No such endpoint")
        access = state.authenticator.authenticate(request.headers.get(HEADER), writes=endpoint.writes)
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise ApiError(415, "Send Content-Type: application/json")
        if method != "GET" and not isinstance(body, dict):
            raise ApiError(400, "The body must be a JSON object")
        with state.store.transaction():
            fields_sent = body if isinstance(body, dict) else {}
            return documented(endpoint.handle(ApiRequest(state, access, fields_sent, request.query_params)))
    except ApiError as error:
        return error.response()
