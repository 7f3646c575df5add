"""From an Airflow connection, in whichever form it was written, to the client's settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_explo.client.settings import DEFAULT_BASE_URL, ClientSettings
from airflow_provider_explo.hooks.form import EXTRA_FIELDS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a connection says.

    :param settings: usable only where there are no problems; not shown, as a wrong host may hold a password.
    :param problems: what is wrong, in words.
    :param unused: names of fields that mean nothing here.
    """

    settings: ClientSettings = field(repr=False)
    problems: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def read(connection: Connection, *, user_agent: str) -> Reading:
    """Read a connection, and collect what is wrong with it instead of raising: this frame knows its secrets."""
    problems: list[str] = []
    extra = _extra(connection.extra, problems)
    given: dict[str, Any] = {}
    for known in EXTRA_FIELDS:
        value = extra.pop(known.name, None)
        if value is None or value == "":
            continue
        try:
            given[known.name] = known.read(value)
        except ValueError as error:
            problems.append(f"extra {known.name}: {error}")
    # Airflow's own HTTP connections have the scheme there; here it belongs to the host.
    path = "" if connection.schema in ("http", "https") else connection.schema
    settings = ClientSettings(
        token=connection.password or "",
        base_url=_base_url(connection.host, connection.port, path, problems),
        user_agent=user_agent,
        **given,
    )
    unused = [f"extra {name!r}" for name in extra]
    unused += [name for name in ("login", "schema") if getattr(connection, name) and not (name == "schema" and path)]
    return Reading(settings=settings, problems=(*problems, *settings.problems()), unused=tuple(unused))


def _extra(text: str | None, problems: list[str]) -> dict[str, Any]:
    if not text or not text.strip():
        return {}
    try:
        extra = json.loads(text)
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        problems.append('extra: expected a JSON object, such as {"requests_per_minute": 180}')
        return {}
    return extra


def _base_url(host: str | None, port: int | None, path: str | None, problems: list[str]) -> str:
    """The URL of host, port and path: a connection that was written as a URI has its path in ``schema``."""
    host, path = (host or "").strip(), (path or "").strip().strip("/")
    if not host:
        problems += [f"{name}: given without a host" for name, value in (("port", port), ("schema", path)) if value]
        return DEFAULT_BASE_URL
    scheme, _, rest = host.rpartition("://")
    if rest.count(":") > 1 and not rest.startswith("["):
        # An IPv6 address, as Airflow takes it out of a URI.
        rest = f"[{rest}]"
    url = f"{scheme or 'https'}://{rest}".rstrip("/")
    try:
        parts = urlsplit(url)
        found = parts.port
    except ValueError:
        return url
    if port and found is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{port}")
    elif port and found != port:
        problems.append(f"port: the host already names {found}, and the port field {port}")
    if path and parts.path:
        problems.append(f"schema: the host already has the path {parts.path!r}, and the schema field {path!r}")
    elif path:
        parts = parts._replace(path=f"/{path}")
    return parts.geturl()
