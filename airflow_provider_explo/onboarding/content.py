"""A tenant's content in one canonical form: what counts as the same, and a hash that says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airflow_provider_explo.onboarding.tenant import Tenant

HASH_VERSION = "1"


def content_hash(tenant: Tenant) -> str:
    """A hash of name, mapping and properties, the same for whatever Explo treats alike.

    Key order, JSON text against native JSON, 1 against 1.0, and a data source 213 against "213" make no difference.

    :returns: ``"<version>:<sha256 in hex>"``; the version lets a later release change the rule knowingly.
    """
    content = {
        "name": tenant.name,
        "mapping": None if tenant.mapping is None else canonical_mapping(tenant.mapping),
        "properties": tenant.properties,
    }
    return f"{HASH_VERSION}:{hashlib.sha256(canonical(content).encode()).hexdigest()}"


def canonical(value: Any) -> str:
    """Text that is equal for two JSON values exactly if they mean the same."""
    return json.dumps(_exact(value), sort_keys=True, separators=(",", ":"))


def canonical_mapping(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Data sources as text: Explo's ids come back as strings."""
    return {key: str(value) for key, value in mapping.items()}


def _exact(value: Any) -> Any:
    """Numbers become tagged text, since a float in JSON text would hide the digits beyond it."""
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        sign, digits, exponent = number.as_tuple()
        plain = "".join(map(str, digits)).lstrip("0")
        trimmed = plain.rstrip("0")
        return [
            f"{'-' if sign and plain else ''}{trimmed or '0'}",
            int(exponent) + len(plain) - len(trimmed) if plain else 0,
        ]
    return value
