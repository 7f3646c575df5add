"""The connection form: one table of fields, which Airflow's UI, its provider metadata and the hook all read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.hooks import values

CONNECTION_TYPE = "explo"
HOOK_NAME = "Explo"
HIDDEN_FIELDS = ["login", "schema"]
RELABELING = {"password": "API token", "host": "Base URL"}


@dataclass(frozen=True, kw_only=True)
class ExtraField:
    """A field of the connection's extra.

    :param kind: JSON type of a form's input: ``string``, ``number``, ``boolean`` or ``object``.
    :param read: from a value of any form, such as the text of a URI, to the setting; ValueError where it cannot be.
    """

    name: str
    label: str
    description: str
    kind: str
    placeholder: str
    read: Callable[[Any], Any]


EXTRA_FIELDS = (
    ExtraField(
        name="api",
        label="API family",
        description="Which endpoints: embed (/embed/create_user_group/), user_group or customer (/api/…). "
        "Default: embed.",
        kind="string",
        placeholder="embed",
        read=values.text,
    ),
    ExtraField(
        name="requests_per_minute",
        label="Requests per minute",
        description="The request budget of this IP. Default: 180.",
        kind="number",
        placeholder="180",
        read=values.number,
    ),
    ExtraField(
        name="timeout",
        label="Timeout",
        description="Seconds, for connecting and for each read. Default: 30.",
        kind="number",
        placeholder="30",
        read=values.number,
    ),
    ExtraField(
        name="retry_timeout",
        label="Retry timeout",
        description="Seconds after which one call is given up, retries and waits included. Default: 300.",
        kind="number",
        placeholder="300",
        read=values.number,
    ),
    ExtraField(
        name="verify",
        label="Verify TLS",
        description="true, false, or the path of a CA bundle. Default: true.",
        kind="string",
        placeholder="true",
        read=values.flag_or_text,
    ),
    ExtraField(
        name="proxies",
        label="Proxies",
        description="As requests takes them, a JSON object. Default: those of the environment.",
        kind="object",
        placeholder='{"https": "http://proxy.example.com:3128"}',
        read=values.text_object,
    ),
    ExtraField(
        name="allow_http",
        label="Allow plain http",
        description="Send the API token over plain http to a host that is not loopback. Default: false.",
        kind="boolean",
        placeholder="false",
        read=values.flag,
    ),
)

PLACEHOLDERS = {
    "host": "https://api.explo.co",
    "password": "the Explo API token, without the word Token",
    **{field.name: field.placeholder for field in EXTRA_FIELDS},
}
