"""A row of the query, parsed only where that is needed: most rows hold what was saved for their tenant before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from airflow_provider_explo import json_values
from airflow_provider_explo.tenants.content_hash import (
    ALWAYS_IN_VERSION_1,
    HASH_VERSION,
    canonical_number,
    content_hash,
    decimal_digits,
)
from airflow_provider_explo.tenants.tenant import FIELDS, MAX_TEXT_LENGTH, Field, Tenant, plain_id

# So many characters are below the limit of a tenant's JSON, however they are encoded and in however many fields.
MAX_QUICK_LENGTH = 2**16


class Row:
    """A tenant's fields as the query has them, by name."""

    __slots__ = ("_values", "parsed", "user_group_id")

    def __init__(self, values: Mapping[str, Any], *, tenant: Tenant | None = None) -> None:
        self._values = values
        self.parsed = tenant
        self.user_group_id = plain_id(values.get("user_group_id"))
        """The tenant's id, or None where it has none that can be looked up."""
        if self.user_group_id is None and self.tenant.has_id:
            self.user_group_id = self.tenant.user_group_id

    def __reduce__(self) -> Any:
        # What a driver returns cannot always be pickled; what was parsed can.
        return (_parsed, (self.parsed,)) if self.parsed is not None else (Row, (self._values,))

    @property
    def tenant(self) -> Tenant:
        """The row, parsed."""
        if self.parsed is None:
            self.parsed = Tenant.parse(**self._values)
        return self.parsed

    @property
    def shown_id(self) -> str:
        """The tenant's id, or a preview of the value in its place, for messages and tables."""
        return self.tenant.shown_id if self.user_group_id is None else self.user_group_id

    @property
    def shown_name(self) -> str | None:
        """The tenant's name, for messages and tables."""
        name = self._values.get("name") if self.parsed is None else None
        return name if type(name) is str and len(name) <= MAX_TEXT_LENGTH else self.tenant.shown_name

    def content(self) -> Mapping[str, Any]:
        """What :meth:`Tenant.content` says of a valid tenant, unparsed where that is possible."""
        if self.parsed is not None:
            return self.parsed.content()
        content = {
            name: json_values.loads(value) if FIELDS[name].json_text else FIELDS[name].parse(value, name)[0]
            for name, value in self._values.items()
            if value is not None and name != "user_group_id"
        }
        return {name: value for name, value in content.items() if value is not None}

    def hash(self) -> str | None:
        """What :func:`content_hash` says of the tenant; None where that has a problem."""
        return None if self.tenant.problems else content_hash(self.tenant)

    def quick_hash(self) -> str | None:
        """What :func:`content_hash` says of the tenant, unparsed and unchecked, in a fraction of the time.

        :returns: the same where the tenant is valid, or None if that takes longer; for one that is not valid,
            None or a hash that no valid tenant has. So if it is the hash of what was saved, it is valid.
        """
        content: dict[str, Any] = dict.fromkeys(ALWAYS_IN_VERSION_1)
        try:
            for name, value in self._values.items():
                if value is not None and name != "user_group_id" and (read := _READERS[name](value)) is not None:
                    content[name] = read
            text = _CANONICAL.encode(content)
        except (ArithmeticError, LookupError, RecursionError, ValueError):
            return None
        return f"{HASH_VERSION}:{hashlib.sha256(text.encode()).hexdigest()}"


def _parsed(tenant: Tenant) -> Row:
    return Row({"user_group_id": tenant.user_group_id}, tenant=tenant)


def _json_reader(decoder: json.JSONDecoder, comparable: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not str or len(value) > MAX_QUICK_LENGTH:
            raise ValueError
        decoded, end = decoder.raw_decode(value)
        if end != len(value):
            raise ValueError
        # Each key has a colon: if there are more, one key may be there twice.
        if value.count(":") != (len(decoded) if type(decoded) is dict else 0):
            json_values.loads(value)
        return None if decoded is None else comparable(decoded)

    return read


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def _reader(field: Field) -> Callable[[Any], Any]:
    """From a field's value in a row to a comparable one, with numbers as :func:`canonical_number` has them.

    It raises ValueError where that takes longer.
    """
    if field.name == "name":
        return _text
    if field.name == "mapping":
        return _json_reader(_DATA_SOURCES, lambda mapping: mapping)
    if field.json_text:
        return _json_reader(_NUMBERS, field.comparable)

    def read(value: Any) -> Any:
        parsed, problems = field.parse(value, field.name)
        if problems:
            raise ValueError
        return field.comparable(parsed)

    return read


def _integer(digits: str) -> tuple[str, int]:
    return (digits, 0) if digits[-1] != "0" else canonical_number(digits, 0)


def _number(digits: str) -> tuple[str, int]:
    return canonical_number(*decimal_digits(Decimal(digits)))


def _refuse(name: str) -> Any:
    raise ValueError(name)


# Writes what canonical() does, if numbers come as canonical_number() has them.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)
_NUMBERS = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_refuse)
# Explo does not tell a data source 213 from "213", and has no other numbers there.
_DATA_SOURCES = json.JSONDecoder(parse_int=str, parse_float=_number, parse_constant=_refuse)
_READERS = {name: _reader(field) for name, field in FIELDS.items()}
