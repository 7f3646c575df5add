"""From an Airflow connection, in whichever form it was written, to the client's settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_explo.client.settings import DEFAULT_BASE_URL, ClientSettings
from airflow_provider_explo.hooks.form import EXTRA_FIELDS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a connection says.

    :param settings: usable only where there are no problems.
    :param problems: what is wrong, in words.
    :param unused: names of fields that mean nothing here.
    """

    settings: ClientSettings
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
    settings = ClientSettings(
        token=connection.password or "",
        base_url=_base_url(connection.host, connection.port, problems),
        user_agent=user_agent,
        **given,
    )
    unused = [f"extra {name!r}" for name in extra]
    unused += [name for name in ("login", "schema") if getattr(connection, name)]
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


def _base_url(host: str | None, port: int | None, problems: list[str]) -> str:
    host = (host or "").strip()
    if not host:
        if port:
            problems.append("port: given without a host")
        return DEFAULT_BASE_URL
    url = (host if "://" in host else f"https://{host}").rstrip("/")
    if not port:
        return url
    try:
        parts = urlsplit(url)
        found = parts.port
    except ValueError:
        return url
    if found is None:
        return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()
    if found != port:
        problems.append(f"port: the host already names {found}, and the port field {port}")
    return url
