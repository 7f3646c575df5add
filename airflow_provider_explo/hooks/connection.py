"""The connection's form, and from an Airflow connection, however it was written, to the client's settings.

Airflow imports this module to discover the provider, so it imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_explo.exceptions import preview

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_explo.client.settings import ClientSettings

CONNECTION_TYPE = "explo"
HOOK_NAME = "Explo"
HIDDEN_FIELDS = ["login", "schema"]
RELABELING = {"password": "API token", "host": "Base URL"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


@dataclass(frozen=True, kw_only=True)
class ParsedConnection:
    """A connection as settings.

    :param settings: usable only without problems; not shown, as a wrong host may hold a password.
    :param problems: mistakes in the connection, as text.
    :param unused: names of fields that are not known here.
    """

    settings: ClientSettings = field(repr=False)
    problems: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def parse_connection(connection: Connection, *, user_agent: str) -> ParsedConnection:
    """Parse a connection, and collect its mistakes instead of raising: this frame knows its secrets."""
    from airflow_provider_explo.client.settings import ClientSettings

    problems: list[str] = []
    # A URI of http is of type http.
    if connection.conn_type not in (CONNECTION_TYPE, "http", "https", "generic", "", None):
        problems.append(f"type: expected {CONNECTION_TYPE!r}, found {connection.conn_type!r}")
    extra = _parse_extra(connection.extra, problems)
    options: dict[str, Any] = {}
    for extra_field in EXTRA_FIELDS:
        value = extra.pop(extra_field.name, None)
        if value is None or value == "":
            continue
        try:
            options[extra_field.name] = extra_field.parse(value)
        except ValueError as error:
            problems.append(f"extra {extra_field.name}: {error}")
    # Airflow's own HTTP connections have the scheme there; here it belongs to the host.
    path = "" if connection.schema in ("http", "https") else connection.schema
    if base_url := _base_url(connection.host, connection.port, path, problems):
        options["base_url"] = base_url
    settings = ClientSettings(token=connection.password or "", user_agent=user_agent, **options)
    unused = [f"extra {name!r}" for name in extra]
    unused += [name for name in ("login", "schema") if getattr(connection, name) and not (name == "schema" and path)]
    return ParsedConnection(settings=settings, problems=(*problems, *settings.problems()), unused=tuple(unused))


def _parse_extra(text: str | None, problems: list[str]) -> dict[str, Any]:
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


def _base_url(host: str | None, port: int | None, path: str | None, problems: list[str]) -> str | None:
    """The URL of host, port and path: a connection that was written as a URI has its path in ``schema``."""
    host, path = (host or "").strip(), (path or "").strip().strip("/")
    if not host:
        problems += [f"{name}: set without a host" for name, value in (("port", port), ("schema", path)) if value]
        return None
    scheme, _, rest = host.rpartition("://")
    if rest.count(":") > 1 and not rest.startswith("["):
        # An IPv6 address, as Airflow takes it out of a URI.
        rest = f"[{rest}]"
    url = f"{scheme or 'https'}://{rest}".rstrip("/")
    try:
        parts = urlsplit(url)
        host_port = parts.port
    except ValueError:
        return url
    if port and host_port is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{port}")
    elif port and host_port != port:
        problems.append(f"port: the host already has the port {host_port}, and the port field {port}")
    if path and parts.path:
        problems.append(f"schema: the host already has the path {parts.path!r}, and the schema field {path!r}")
    elif path:
        parts = parts._replace(path=f"/{path}")
    return parts.geturl()


# JSON keeps the types of an extra's values; in a URI every one is text. A parser raises ValueError.


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {preview(value)}")
    return value.strip()


def _number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a number, found {preview(value)}") from None
    return int(number) if number.is_integer() else number


def _boolean(value: Any) -> bool:
    parsed = _BOOLEANS.get(str(value).strip().lower())
    if parsed is None:
        raise ValueError(f"expected true or false, found {preview(value)}")
    return parsed


def _boolean_or_text(value: Any) -> bool | str:
    try:
        return _boolean(value)
    except ValueError:
        return _text(value)


def _text_object(value: Any) -> dict[str, str]:
    """The value may hold a password, so it is not shown."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError('expected an object of strings, such as {"https": "http://proxy.example.com:3128"}')
    return value


@dataclass(frozen=True, kw_only=True)
class ExtraField:
    """A field of the connection's extra.

    :param kind: JSON type of a form's input: ``string``, ``number``, ``boolean`` or ``object``.
    :param parse: from a value of any form, such as the text of a URI, to the setting; ValueError for an invalid one.
    """

    name: str
    label: str
    description: str
    kind: str
    placeholder: str
    parse: Callable[[Any], Any]


EXTRA_FIELDS = (
    ExtraField(
        name="api",
        label="API family",
        description="Which endpoints: embed (/embed/create_user_group/), user_group or customer (/api/…). "
        "Default: embed.",
        kind="string",
        placeholder="embed",
        parse=_text,
    ),
    ExtraField(
        name="requests_per_minute",
        label="Requests per minute",
        description="The request budget of this IP. Default: 180.",
        kind="number",
        placeholder="180",
        parse=_number,
    ),
    ExtraField(
        name="timeout",
        label="Timeout",
        description="Seconds, for connecting and for each read. Default: 30.",
        kind="number",
        placeholder="30",
        parse=_number,
    ),
    ExtraField(
        name="retry_timeout",
        label="Retry timeout",
        description="Seconds after which one request is given up, retries and waits included. Default: 300.",
        kind="number",
        placeholder="300",
        parse=_number,
    ),
    ExtraField(
        name="verify",
        label="Verify TLS",
        description="true, false, or the path of a CA bundle. Default: true.",
        kind="string",
        placeholder="true",
        parse=_boolean_or_text,
    ),
    ExtraField(
        name="proxies",
        label="Proxies",
        description="As requests takes them, a JSON object. Default: those of the environment.",
        kind="object",
        placeholder='{"https": "http://proxy.example.com:3128"}',
        parse=_text_object,
    ),
    ExtraField(
        name="allow_http",
        label="Allow plain http",
        description="Send the API token over plain http to a host that is not loopback. Default: false.",
        kind="boolean",
        placeholder="false",
        parse=_boolean,
    ),
)
PLACEHOLDERS = {
    "host": "https://api.explo.co",
    "password": "the Explo API token, without the word Token",
    **{field.name: field.placeholder for field in EXTRA_FIELDS},
}
