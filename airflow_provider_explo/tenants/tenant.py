"""A tenant and its fields, each described once, in :data:`FIELDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any
from uuid import UUID

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import Problem, preview

APIS = ("embed", "user_group", "customer")
MAX_TEXT_LENGTH = 255


def parse_id(value: Any, path: str) -> tuple[Any, Sequence[Problem]]:
    """Read an id, which may come as text, integer or UUID: it is sent as text."""
    value, problems = json_values.normalize(str(value) if isinstance(value, UUID) else value, path)
    return str(value) if type(value) is int and not problems else value, problems


def plain_id(value: Any) -> str | None:
    """An id that :func:`parse_id` would read without a problem, quickly; None where it has to look."""
    if type(value) is int and value.bit_length() < MAX_TEXT_LENGTH:
        return str(value)
    return value if type(value) is str and len(value) <= MAX_TEXT_LENGTH and value.isprintable() else None


def parse_boolean(value: Any, path: str) -> tuple[Any, Sequence[Problem]]:
    """Read a boolean, for which several databases have only 0 and 1."""
    value, problems = json_values.normalize(value, path)
    return bool(value) if type(value) is int and value in (0, 1) else value, problems


def as_set(values: Any) -> Any:
    """Order and duplicates make no difference in a list of text, and none is the same as an empty one."""
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return sorted(set(values))
    return [] if values is None else values


def false_if_none(value: Any) -> Any:
    """A boolean that is not given is false to Explo."""
    return False if value is None else value


def data_sources_as_text(mapping: Any) -> Any:
    """Explo returns a data source's id as text, whether it was sent as text or as a number."""
    # First a dict: a test for an abstract class is slow.
    if not isinstance(mapping, (dict, Mapping)):
        return mapping
    return {key: str(value) if type(value) is int else value for key, value in mapping.items()}


@dataclass(frozen=True)
class Field:
    """One field of a tenant; its built-in JSON Schema is ``schemas/<name>.json``.

    :param name: its column in the query, its argument in operators, hook and client, and its key in requests.
    :param customer_key: its key in requests to the Customer API, where that differs.
    :param response_key: its key in the Customer API's responses, where that differs.
    :param required: a tenant cannot be created without it.
    :param parse: reads a value of it, other than None, at a JSON path: plain JSON, and what is wrong with it.
    :param user_schema: users may add a schema, as the argument ``<name>_schema``.
    :param apis: the values of the connection's ``api`` that support it.
    :param comparable: maps all values that Explo does not tell apart to the same value; takes any JSON value or None.
    """

    name: str
    _: KW_ONLY
    customer_key: str | None = None
    response_key: str | None = None
    required: bool = False
    parse: Callable[[Any, str], tuple[Any, Sequence[Problem]]] = json_values.normalize
    user_schema: bool = False
    apis: tuple[str, ...] = APIS
    comparable: Callable[[Any], Any] = lambda value: value

    @property
    def json_text(self) -> bool:
        """Whether it may be given as JSON text."""
        return self.parse is json_values.parse

    def request_key(self, api: str) -> str:
        """Its key in requests of one ``api``."""
        return self.customer_key or self.name if api == "customer" else self.name

    @property
    def response_keys(self) -> tuple[str, ...]:
        """Its keys in responses, the newest API's first."""
        return (self.response_key, self.name) if self.response_key else (self.name,)


_CUSTOMER_ONLY = ("customer",)
FIELDS: Mapping[str, Field] = {
    described.name: described
    for described in (
        Field("user_group_id", customer_key="provided_id", response_key="provided_id", required=True, parse=parse_id),
        Field("name", required=True),
        Field(
            "mapping",
            response_key="parent_schema_datasource_mapping",
            parse=json_values.parse,
            user_schema=True,
            comparable=data_sources_as_text,
        ),
        Field("properties", parse=json_values.parse, user_schema=True),
        Field("is_demo_group", parse=parse_boolean, apis=("user_group", "customer"), comparable=false_if_none),
        Field("emails", parse=json_values.parse, apis=_CUSTOMER_ONLY, comparable=as_set),
        Field("group_tags", parse=json_values.parse, apis=_CUSTOMER_ONLY, comparable=as_set),
        Field("hierarchy_level_name", response_key="hierarchy_level", apis=_CUSTOMER_ONLY),
        Field("parent_provided_id", parse=parse_id, apis=_CUSTOMER_ONLY),
    )
}
CONTENT_FIELDS = tuple(described for name, described in FIELDS.items() if name != "user_group_id")
_PARSERS = tuple((name, f"$.{name}", described.parse) for name, described in FIELDS.items())
_JSON_FIELDS = tuple(name for name, described in FIELDS.items() if described.json_text)


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """One tenant as it should be in Explo: plain JSON values. None leaves a field of an existing group as it is.

    :param user_group_id: the tenant's id in your own database.
    :param name: display name.
    :param mapping: schema id to data source, such as ``{"40": "213"}``.
    :param properties: a JSON object.
    :param is_demo_group: watermarked, and not billed.
    :param emails: e-mail addresses.
    :param group_tags: names of Explo's group tags.
    :param hierarchy_level_name: such as ``"User"``; Explo's root level where None.
    :param parent_provided_id: the id of the tenant above it.
    :param problems: by field name, what is not JSON. The rest may still be invalid:
        :class:`~airflow_provider_explo.tenants.validation.TenantValidator` checks that.
    """

    user_group_id: str
    name: str
    mapping: Mapping[str, str | int] | None = None
    properties: Mapping[str, Any] | None = None
    is_demo_group: bool | None = None
    emails: Sequence[str] | None = None
    group_tags: Sequence[str] | None = None
    hierarchy_level_name: str | None = None
    parent_provided_id: str | None = None
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
        sizes = {
            name: json_values.size(fields[name])
            for name in _JSON_FIELDS
            if fields[name] is not None and name not in problems
        }
        if (total := sum(sizes.values())) > json_values.MAX_TENANT_BYTES:
            largest = max(sizes, key=sizes.__getitem__)
            rest = total if len(sizes) > 1 else None
            problems[largest] = [json_values.too_large(f"$.{largest}", sizes[largest], total=rest)]
            fields[largest] = None
        return cls(**fields, problems=problems)

    @property
    def has_id(self) -> bool:
        """Whether its id is text of a length that Explo takes, so that it can be looked up."""
        value = self.user_group_id
        return isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH and "user_group_id" not in self.problems

    @property
    def shown_id(self) -> str:
        """Its id, or a preview of the value in its place, for messages and tables."""
        return self.user_group_id if self.has_id else preview(self.user_group_id)

    @property
    def shown_name(self) -> str | None:
        """Its name, shortened to what Explo takes, or None where that is not text."""
        if not isinstance(self.name, str):
            return None
        return self.name if len(self.name) <= MAX_TEXT_LENGTH else preview(self.name)

    def content(self) -> dict[str, Any]:
        """The fields that have a value, by name, without the id."""
        return {f.name: value for f in CONTENT_FIELDS if (value := getattr(self, f.name)) is not None}
