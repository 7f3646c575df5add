"""A tenant and its fields, each described once, in :data:`FIELDS`."""

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
    """One field of a tenant; its built-in JSON Schema is ``schemas/<name>.json``.

    :param name: its column in the query, and its argument in operators, hook and client.
    :param key: its key in requests to the user group endpoints.
    :param customer_key: its key in requests to the Customer API.
    :param response_keys: its keys in responses, the newest API's first.
    :param required: a tenant cannot be created without it.
    :param parse: reads a value of it, other than None, at a JSON path: plain JSON, and what is wrong with it.
    :param user_schema: users may add a schema, as the argument ``<name>_schema``.
    :param apis: the values of the connection's ``api`` that support it.
    :param comparable: maps all values that Explo does not tell apart to the same value; takes any JSON value or None.
    """

    name: str
    key: str
    customer_key: str
    response_keys: tuple[str, ...]
    required: bool = False
    parse: Callable[[Any, str], tuple[Any, Sequence[Problem]]] = json_values.normalize
    user_schema: bool = False
    apis: tuple[str, ...] = ("embed", "user_group", "customer")
    comparable: Callable[[Any], Any] = lambda value: value

    @property
    def json_text(self) -> bool:
        """Whether it may be given as JSON text."""
        return self.parse is json_values.parse

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
            parse=json_values.parse,
            user_schema=True,
            comparable=data_sources_as_text,
        ),
        Field(
            name="properties",
            key="properties",
            customer_key="properties",
            response_keys=("properties",),
            parse=json_values.parse,
            user_schema=True,
        ),
    )
}
CONTENT_FIELDS = tuple(described for name, described in FIELDS.items() if name != "user_group_id")
_PARSERS = tuple((name, f"$.{name}", described.parse) for name, described in FIELDS.items())


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """One tenant as it should be in Explo: plain JSON values. None leaves a field of an existing group as it is.

    :param user_group_id: the tenant's id in your own database.
    :param name: display name.
    :param mapping: schema id to data source, such as ``{"40": "213"}``.
    :param properties: a JSON object.
    :param problems: by field name, what is not JSON. The rest may still be invalid:
        :class:`~airflow_provider_explo.tenants.validation.TenantValidator` checks that.
    """

    user_group_id: str
    name: str
    mapping: Mapping[str, str | int] | None = None
    properties: Mapping[str, Any] | None = None
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)

    @classmethod
    def parse(cls, **values: Any) -> Tenant:
        """Make a tenant of its fields, by name, as a row or an operator has them; JSON fields may be JSON text.

        Nothing is raised: what is not JSON is in :attr:`problems`. Other names are ignored.
        """
        fields: dict[str, Any] = dict.fromkeys(FIELDS)
        problems: dict[str, Sequence[Problem]] = {}
        for name, path, parse in _PARSERS:
            if (value := values.get(name)) is not None:
                fields[name], field_problems = parse(value, path)
                if field_problems:
                    problems[name] = field_problems
        return cls(**fields, problems=problems)

    @property
    def has_id(self) -> bool:
        """Whether its id is text, so that it can be looked up."""
        return isinstance(self.user_group_id, str) and "user_group_id" not in self.problems

    def content(self) -> dict[str, Any]:
        """The fields that have a value, by name, without the id."""
        return {f.name: value for f in CONTENT_FIELDS if (value := getattr(self, f.name)) is not None}
