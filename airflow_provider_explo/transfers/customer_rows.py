"""From Explo's customers to rows of the customers table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_explo import json_values
from airflow_provider_explo.json_values import storable
from airflow_provider_explo.sql.customers_table import JSON_COLUMNS, TEXT_COLUMNS

if TYPE_CHECKING:
    from airflow_provider_explo.client.models import UserGroup

DETAILS = ("is_demo_group", *TEXT_COLUMNS, *JSON_COLUMNS)


class CustomerRows:
    """Makes rows, and remembers what did not come over."""

    def __init__(self) -> None:
        self._lost: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def row(self, group: UserGroup) -> dict[str, Any]:
        """A customer's row, its token included; JSON as text, every digit kept."""
        self._unknown |= group.details.keys() - set(DETAILS)
        return {
            "provided_id": storable(group.provided_id),
            "name": None if group.name is None else storable(group.name),
            "token": storable(group.token),
            **{column: self._value(column, group) for column in DETAILS},
        }

    def warnings(self) -> list[str]:
        """What did not come over, a line for each reason."""
        warnings = []
        if self._lost:
            columns = ", ".join(f"{column} ({count:,})" for column, count in self._lost.items())
            warnings.append(f"NULL where Explo returned no such field, or one that may hold a token: {columns}")
        if self._unknown:
            warnings.append(f"unknown fields ignored: {', '.join(map(storable, sorted(self._unknown)))}")
        return warnings

    def _value(self, column: str, group: UserGroup) -> Any:
        # The client leaves out what may hold a token, so a missing field is worth a warning.
        value = group.details.get(column)
        if column in group.details and value is None:
            return None
        if column == "is_demo_group" and value in (True, False):
            return bool(value)
        if column in TEXT_COLUMNS and isinstance(value, str):
            return storable(value)
        if column in group.details and column != "is_demo_group":
            try:
                return json_values.dumps(value)
            except ValueError:
                # Nested deeper than can be written.
                pass
        self._lost[column] += 1
        return None
