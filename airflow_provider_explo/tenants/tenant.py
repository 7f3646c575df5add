"""A tenant, and its fields: each is described once, in :data:`FIELDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import Problem


def data_sources_as_text(mapping: Any) -> Any:
    """Explo returns a data source's id as text, whether it was sent as text or as a number."""
    if not isinstance(mapping, Mapping):
        return mapping
    return {key: str(value) if type(value) is int else value for key, value in mapping.items()}


@dataclass(frozen=True, kw_only=True)
class Field:
    """What the package knows of one field of a tenant; its JSON Schema is ``schemas/<name>.json``.

    :param name: the column of the query, and the argument of operators, hook and client.
    :param key: its key in requests to the user group endpoints.
    :param customer_key: its key in requests to the Customer API.
    :param response_keys: its keys in responses, the newest API's first.
    :param required: a tenant cannot be created without it.
    :param json_text: it may be given as JSON text.
    :param user_schema: users may add a schema of their own, as the argument ``<name>_schema``.
    :param apis: the connection's ``api`` values that can carry it.
    :param comparable: from a value to a form that is equal for all values that Explo does not tell apart.
    """

    name: str
    key: str
    customer_key: str
    response_keys: tuple[str, ...]
    required: bool = False
    json_text: bool = False
    user_schema: bool = False
    apis: tuple[str, ...] = ("embed", "user_group", "customer")
    comparable: Callable[[Any], Any] = lambda value: value

    def request_key(self, api: str) -> str:
        """Its key in requests of one ``api``."""
        return self.customer_key if api == "customer" else self.key


FIELDS: Mapping[str, Field] = {
    described.name: described
    for described in (
        Field(
            name="user_group_id",
            key="user_group_id",
            customer_key="provided_id",
            response_keys=("provided_id",),
            required=True,
        ),
        Field(name="name", key="name", customer_key="name", response_keys=("name",), required=True),
        Field(
            name="mapping",
            key="mapping",
            customer_key="mapping",
            response_keys=("parent_schema_datasource_mapping", "mapping"),
            json_text=True,
            user_schema=True,
            comparable=data_sources_as_text,
        ),
        Field(
            name="properties",
            key="properties",
            customer_key="properties",
            response_keys=("properties",),
            json_text=True,
            user_schema=True,
        ),
    )
}
CONTENT_FIELDS = tuple(described for name, described in FIELDS.items() if name != "user_group_id")


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """What is wanted of one tenant's user group: plain JSON values. None leaves what Explo has as it is.

    :param user_group_id: the tenant's id in the caller's own database.
    :param name: display name.
    :param mapping: schema id to data source, such as ``{"40": "213"}``.
    :param properties: a JSON object.
    :param problems: by field, what could not be read as JSON. Whether the rest is valid is for
        :class:`~airflow_provider_explo.tenants.validation.TenantValidator` to say.
    """

    user_group_id: str
    name: str
    mapping: Mapping[str, str | int] | None = None
    properties: Mapping[str, Any] | None = None
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)

    @classmethod
    def parse(cls, **values: Any) -> Tenant:
        """Take a tenant's fields, by name, as a row or an operator has them; JSON fields may be JSON text."""
        fields: dict[str, Any] = {}
        problems: dict[str, Sequence[Problem]] = {}
        for name, described in FIELDS.items():
            value, path = values.get(name), f"$.{name}"
            parse = json_values.parse if described.json_text else json_values.normalize
            value, field_problems = parse(value, path)
            fields[name] = value
            if field_problems:
                problems[name] = field_problems
        return cls(**fields, problems=problems)

    @property
    def has_id(self) -> bool:
        """Whether its id is text, and so can be looked up."""
        return isinstance(self.user_group_id, str) and "user_group_id" not in self.problems

    def content(self) -> dict[str, Any]:
        """The given fields but the id, by name."""
        return {f.name: value for f in CONTENT_FIELDS if (value := getattr(self, f.name)) is not None}
