"""A tenant, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_explo.onboarding import json_value
from airflow_provider_explo.onboarding.problem import Problem, validation_error
from airflow_provider_explo.onboarding.rules import Check, own_rules, team_rules


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """What Explo's get-or-create takes, all of it valid.

    :param user_group_id: the tenant's id in the caller's own database.
    :param name: display name.
    :param mapping: schema id to data source, or None.
    :param properties: a JSON object, or None.
    """

    user_group_id: str
    name: str
    mapping: Mapping[str, str | int] | None = None
    properties: Mapping[str, Any] | None = None


class TenantRules:
    """The package's rules and a team's own, compiled once for any number of tenants.

    :param mapping_schema: a JSON Schema (Draft 2020-12) or the path of one, for ``mapping``.
    :param properties_schema: likewise for ``properties``.
    :raises ExploConfigError: such a schema is not usable.
    """

    def __init__(
        self,
        *,
        mapping_schema: Mapping[str, Any] | str | Path | None = None,
        properties_schema: Mapping[str, Any] | str | Path | None = None,
    ) -> None:
        self._team: dict[str, Check] = {}
        for field, schema in (("mapping", mapping_schema), ("properties", properties_schema)):
            if schema is not None:
                self._team[field] = team_rules(schema, name=f"{field}_schema")

    def tenant(self, *, user_group_id: Any, name: Any, mapping: Any = None, properties: Any = None) -> Tenant:
        """Check a tenant's fields; ``mapping`` and ``properties`` may be JSON text.

        :raises ExploValidationError: with every mistake at once.
        """
        problems: list[Problem] = []
        user_group_id = self._text("user_group_id", user_group_id, problems)
        name = self._text("name", name, problems)
        mapping = self._object("mapping", mapping, problems)
        properties = self._object("properties", properties, problems)
        if problems:
            raise validation_error(user_group_id, problems)
        return Tenant(user_group_id=user_group_id, name=name, mapping=mapping, properties=properties)

    def _text(self, field: str, value: Any, problems: list[Problem]) -> Any:
        value, wrong = json_value.plain(value, f"$.{field}")
        problems += wrong or own_rules(field)(value, f"$.{field}")
        return value

    def _object(self, field: str, value: Any, problems: list[Problem]) -> Any:
        path = f"$.{field}"
        value, wrong = json_value.parse(value, path) if isinstance(value, str) else json_value.plain(value, path)
        if isinstance(value, (dict, list)) and not wrong:
            value, wrong = json_value.plain(value, path)
        if not wrong:
            wrong = own_rules(field)(value, path)
        if not wrong and field in self._team:
            # Nothing given breaks a rule such as "plan is required" as an empty object does.
            wrong = self._team[field]({} if value is None else value, path)
        problems += wrong
        return value
