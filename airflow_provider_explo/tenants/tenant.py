"""A tenant, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_explo.exceptions import Problem, validation_error
from airflow_provider_explo.tenants import json_value
from airflow_provider_explo.tenants.validation import Check, own_rules, team_rules


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


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A tenant as it was read: plain JSON values, not yet checked against any schema.

    :param problems: what of it is no JSON at all.
    """

    user_group_id: Any
    name: Any
    mapping: Any = None
    properties: Any = None
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)

    @classmethod
    def read(cls, *, user_group_id: Any, name: Any, mapping: Any = None, properties: Any = None) -> Draft:
        """Take in a tenant's fields; ``mapping`` and ``properties`` may be JSON text."""
        values: dict[str, Any] = {"user_group_id": user_group_id, "name": name}
        values |= {"mapping": mapping, "properties": properties}
        problems: dict[str, Sequence[Problem]] = {}
        for name_of_field, value in values.items():
            path = f"$.{name_of_field}"
            wrong: Sequence[Problem] = ()
            if isinstance(value, str) and name_of_field in ("mapping", "properties"):
                value, wrong = json_value.parse(value, path)
            if not wrong:
                value, wrong = json_value.plain(value, path)
            values[name_of_field] = value
            if wrong:
                problems[name_of_field] = wrong
        return cls(**values, problems=problems)


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
        for name, schema in (("mapping", mapping_schema), ("properties", properties_schema)):
            if schema is not None:
                self._team[name] = team_rules(schema, name=f"{name}_schema")

    def tenant(self, *, user_group_id: Any, name: Any, mapping: Any = None, properties: Any = None) -> Tenant:
        """Check a tenant's fields; ``mapping`` and ``properties`` may be JSON text.

        :raises ExploValidationError: with every mistake at once.
        """
        return self.check(Draft.read(user_group_id=user_group_id, name=name, mapping=mapping, properties=properties))

    def check(self, draft: Draft) -> Tenant:
        """Check what was read.

        :raises ExploValidationError: with every mistake at once.
        """
        values = {name: getattr(draft, name) for name in ("user_group_id", "name", "mapping", "properties")}
        problems = [
            problem
            for name, value in values.items()
            for problem in draft.problems.get(name) or self._field_problems(name, value)
        ]
        if problems:
            raise validation_error(draft.user_group_id, problems)
        return Tenant(**values)

    def _field_problems(self, name: str, value: Any) -> Sequence[Problem]:
        path = f"$.{name}"
        wrong = own_rules(name)(value, path)
        if not wrong and name in self._team:
            # Nothing given breaks a rule such as "plan is required" as an empty object does.
            wrong = self._team[name]({} if value is None else value, path)
        return wrong
