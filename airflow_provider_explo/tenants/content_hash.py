"""A tenant's content in a canonical form, and its hash: what counts as the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from airflow_provider_explo.tenants.tenant import CONTENT_FIELDS, Tenant

HASH_VERSION = "1"
UNSETTLED = "?"


def content_hash(tenant: Tenant, *, settled: bool = True) -> str:
    """A hash of all fields but the id, the same for all values that Explo does not tell apart.

    Key order, JSON text against native JSON, 1 against 1.0, and a data source 213 against "213" make no difference.

    :param settled: whether Explo is known to hold this content. It is not where a group already existed: get-or-create
        leaves that as it is.
    :returns: ``"<version>:<sha256 in hex>"``, then ``?`` where it is not settled; the version lets a later release
        change the rule without sending every tenant again.
    """
    return f"{HASH_VERSION}:{_RULES[HASH_VERSION](tenant)}{'' if settled else UNSETTLED}"


def is_hash_of(tenant: Tenant, stored: str, *, digest: str | None = None) -> bool:
    """Whether a stored hash, of this release's rule or of an earlier one's, is this content's, settled or not.

    :param digest: the content's hash by this release's rule, where it is known already. What either says of the rules
        that the content was checked with (:func:`rules_suffix`) does not count.
    """
    version, _, rest = stored.removesuffix(UNSETTLED).partition(":")
    stored_digest = rest.partition(":")[0]
    if digest is not None and version == HASH_VERSION:
        return stored_digest == digest.split(":")[1]
    return version in _RULES and _RULES[version](tenant) == stored_digest


def rules_suffix(rules: Mapping[str, Any]) -> str:
    """What follows a content hash to say by which user-supplied schemas the content was checked.

    :param rules: the schemas, by argument; without any, nothing follows.
    """
    return f":{hashlib.sha256(canonical(rules).encode()).hexdigest()[:8]}" if rules else ""


def is_settled(stored: str) -> bool:
    """Whether Explo was known to hold the content when this hash was stored."""
    return not stored.endswith(UNSETTLED)


def canonical(value: Any) -> str:
    """Text that is equal for two JSON values exactly if they mean the same."""
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return _LITERALS[value]
    if isinstance(value, int):
        return _NUMBER.format(*canonical_number(str(value), 0))
    if isinstance(value, list):
        return f"[{','.join([canonical(item) for item in value])}]"
    # First a dict: a test for an abstract class is slow.
    if isinstance(value, (dict, Mapping)):
        members = [f"{_quoted(key)}:{canonical(value[key])}" for key in sorted(value)]
        return f"{{{','.join(members)}}}"
    number = Decimal(repr(value)) if isinstance(value, float) else value
    return _NUMBER.format(*canonical_number(*decimal_digits(number)))


def canonical_number(digits: str, exponent: int) -> tuple[str, int]:
    """A number as :func:`canonical` writes it: 1 and 1.0 are the same, and a float would lose digits.

    :param digits: of an integer, perhaps with a minus sign.
    :param exponent: the power of ten that it is multiplied by.
    """
    if digits[-1:] not in ("0", "", "-"):
        return digits, exponent
    trimmed = digits.rstrip("0")
    return (trimmed, exponent + len(digits) - len(trimmed)) if trimmed not in ("", "-") else ("0", 0)


def decimal_digits(number: Decimal) -> tuple[str, int]:
    """Digits and exponent of a Decimal, for :func:`canonical_number`."""
    sign, digits, exponent = number.as_tuple()
    return "-" * sign + "".join(map(str, digits)).lstrip("0"), int(exponent)


def _digest_1(tenant: Tenant) -> str:
    content = {
        field.name: field.comparable(value)
        for field in CONTENT_FIELDS
        if (value := getattr(tenant, field.name)) is not None or field.name in ALWAYS_IN_VERSION_1
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


# The other fields came later, and are in a hash where they have a value: known tenants keep their hashes.
ALWAYS_IN_VERSION_1 = ("name", "mapping", "properties")
_RULES = {"1": _digest_1}
_NUMBER = '["{}",{}]'
_LITERALS = {None: "null", True: "true", False: "false"}
