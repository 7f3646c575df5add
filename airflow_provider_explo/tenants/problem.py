"""One mistake in a tenant's data, in words that name place, finding, rule and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_explo.exceptions import ExploValidationError

LONGEST_FINDING = 80
LONGEST_LIST = 50


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A mistake.

    :param path: where, as a JSON path such as ``$.mapping['x']``.
    :param found: what stands there, shortened.
    :param expected: the rule, in words.
    :param remedy: what to do.
    """

    path: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}; found {self.found}; {self.remedy}"


def child(path: str, key: object) -> str:
    """The JSON path of one member of what stands at ``path``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        return f"{path}.{key}"
    return f"{path}[{shown(key)}]"


def shown(value: Any) -> str:
    """A value for a message: one line, printable, not long."""
    if isinstance(value, str) and len(value) > LONGEST_FINDING:
        return f"{value[:LONGEST_FINDING]!r}… ({len(value)} characters)"
    try:
        text = repr(value)
    except Exception:
        # Whatever it is, it must not hide what is wrong with it.
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST_FINDING else f"{text[:LONGEST_FINDING]}…"


def validation_error(tenant: object, problems: Iterable[Problem]) -> ExploValidationError:
    """One error for everything that is wrong with one tenant."""
    listed = list(problems)
    lines = [f"  - {problem}" for problem in listed[:LONGEST_LIST]]
    if len(listed) > LONGEST_LIST:
        lines.append(f"  - and {len(listed) - LONGEST_LIST} more")
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    heading = f"Tenant {shown(tenant)}: {count}; nothing was sent to Explo for this tenant"
    return ExploValidationError("\n".join([heading, *lines]), listed)
