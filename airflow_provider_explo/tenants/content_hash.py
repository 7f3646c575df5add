"""A tenant's content in one canonical form: what counts as the same, and a hash that says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airflow_provider_explo.tenants.tenant import CONTENT_FIELDS, Tenant

HASH_VERSION = "1"
UNSETTLED = "?"


def content_hash(tenant: Tenant, *, settled: bool = True) -> str:
    """A hash of name, mapping and properties, the same for whatever Explo treats alike.

    Key order, JSON text against native JSON, 1 against 1.0, and a data source 213 against "213" make no difference.

    :param settled: whether Explo is known to hold this content. It is not where a group was there before: get-or-create
        leaves that as it is.
    :returns: ``"<version>:<sha256 in hex>"``, and a ``?`` where it is not settled; the version lets a later release
        change the rule without sending every tenant again.
    """
    return f"{HASH_VERSION}:{_RULES[HASH_VERSION](tenant)}{'' if settled else UNSETTLED}"


def is_hash_of(tenant: Tenant, stored: str, *, digest: str | None = None) -> bool:
    """Whether a stored hash, of this release's rule or of an earlier one's, is this content's, settled or not.

    :param digest: the content's hash by this release's rule, where it is known already.
    """
    version, _, stored_digest = stored.removesuffix(UNSETTLED).partition(":")
    if digest is not None and version == HASH_VERSION:
        return stored.removesuffix(UNSETTLED) == digest
    return version in _RULES and _RULES[version](tenant) == stored_digest


def is_settled(stored: str) -> bool:
    """Whether Explo was known to hold the content when this hash was stored."""
    return not stored.endswith(UNSETTLED)


def canonical(value: Any) -> str:
    """Text that is equal for two JSON values exactly if they mean the same."""
    return json.dumps(_exact(value), sort_keys=True, separators=(",", ":"))


def _version_1(tenant: Tenant) -> str:
    fields = {f.name: f.comparable(getattr(tenant, f.name)) for f in CONTENT_FIELDS}
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


_RULES = {"1": _version_1}


def _exact(value: Any) -> Any:
    """Numbers become tagged text, since a float in JSON text would hide the digits beyond it."""
    if isinstance(value, str) or value is None:
        return value
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
