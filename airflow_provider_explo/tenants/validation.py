"""JSON Schemas (Draft 2020-12) at work: the package's own, and those that a team adds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import referencing
import regex

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import ExploConfigError, Problem, json_path, preview, validation_error
from airflow_provider_explo.tenants.keywords import (
    MISSING,
    OwnValidator,
    StandardValidator,
    TeamValidator,
    start_check,
)
from airflow_provider_explo.tenants.tenant import FIELDS, Tenant
from airflow_provider_explo.tenants.user_schemas import keyword_problems, read_schema
from airflow_provider_explo.tenants.words import expectation

# From a JSON value and its JSON path to what is wrong with it.
Check = Callable[[Any, str], list[Problem]]


class TenantValidator:
    """The built-in and the user-supplied schemas, compiled once for any number of tenants.

    :param user_schemas: by argument (``mapping_schema``, ``properties_schema``): a JSON Schema (Draft 2020-12), the
        path of one, or None.
    :raises ExploConfigError: such a schema is not usable.
    """

    def __init__(self, **user_schemas: Mapping[str, Any] | str | Path | None) -> None:
        self._user_rules: dict[str, Check] = {}
        for argument, schema in user_schemas.items():
            if schema is not None:
                self._user_rules[argument.removesuffix("_schema")] = team_rules(schema, name=argument)

    def tenant(self, **values: Any) -> Tenant:
        """Parse and validate a tenant's fields.

        :raises ExploValidationError: with every problem at once.
        """
        tenant = Tenant.parse(**values)
        self.validate(tenant)
        return tenant

    def validate(self, tenant: Tenant) -> None:
        """Check a tenant.

        :raises ExploValidationError: with every problem at once.
        """
        problems = [
            problem
            for name in FIELDS
            for problem in tenant.problems.get(name) or self._field_problems(name, getattr(tenant, name))
        ]
        if problems:
            raise validation_error(tenant.user_group_id, problems)

    def _field_problems(self, name: str, value: Any) -> Sequence[Problem]:
        path = f"$.{name}"
        problems = own_rules(name)(value, path)
        if not problems and name in self._user_rules:
            # A field that is not given breaks a rule such as "plan is required" as an empty object does.
            problems = self._user_rules[name]({} if value is None else value, path)
        return problems


@cache
def own_rules(field: str) -> Check:
    """The package's schema for ``user_group_id``, ``name``, ``mapping`` or ``properties``, compiled once."""
    schema = json.loads((files(__package__) / "schemas" / f"{field}.json").read_text(encoding="utf-8"))
    validator = OwnValidator(schema)
    return lambda value, path: _problems(validator, value, path)


def team_rules(schema: Mapping[str, Any] | str | Path, *, name: str) -> Check:
    """Compile a team's own schema.

    :param schema: the schema itself, or the path of a JSON file.
    :param name: the argument it came in, for messages: ``mapping_schema`` or ``properties_schema``.
    :raises ExploConfigError: it cannot be read, is no valid Draft 2020-12 schema, refers to another document, or holds
        a pattern that does not compile.
    """
    document, problems = json_values.normalize(read_schema(schema, name), "#")
    problems = problems or _metaschema_problems(document, name) or keyword_problems(document)
    if problems:
        raise ExploConfigError("\n".join([f"{name} is not usable:", *(f"  - {problem}" for problem in problems)]))
    validator = TeamValidator(document, registry=referencing.Registry())

    def check(value: Any, path: str) -> list[Problem]:
        start_check()
        try:
            return _problems(validator, value, path, of=name)
        except referencing.exceptions.Unresolvable as error:
            reason = f"the reference {preview(error.ref)} leads nowhere in it"
        except TimeoutError as error:
            reason = str(error)
        except RecursionError:
            reason = "it refers to itself without end, or the data is nested too deep for it"
        except (ArithmeticError, TypeError, ValueError, regex.error) as error:
            reason = f"{type(error).__name__} in one of its rules"
        expected = f"a value that {name} can check"
        return [Problem(path=path, found=preview(value), expected=expected, fix=f"rewrite {name}: {reason}")]

    return check


def _metaschema_problems(document: Any, name: str) -> list[Problem]:
    try:
        return _problems(StandardValidator(StandardValidator.META_SCHEMA), document, "#", of=name)
    except RecursionError:
        remedy = "flatten it, with $defs and $ref"
        return [Problem(path="#", found="a schema nested too deep", expected="less depth", fix=remedy)]


def _errors(validator: Any, value: Any) -> Iterator[Any]:
    try:
        yield from validator.iter_errors(value)
    except BaseException as error:
        # rpds, where jsonschema keeps schemas, panics where Python 3.10's stack ends in it; nothing exports that class.
        if type(error).__name__ != "PanicException":
            raise
        raise RecursionError("within rpds") from None


def _problems(validator: Any, value: Any, path: str, *, of: str | None = None) -> list[Problem]:
    found: dict[tuple[str, str], Problem] = {}
    for error in _errors(validator, value):
        where = path
        for key in error.absolute_path:
            where = json_path(where, key)
        if "propertyNames" in error.absolute_schema_path:
            where = json_path(where, error.instance)
        if of is None:
            expected, remedy = error.schema["x-expected"], error.schema["x-remedy"]
        else:
            rule = "#" + "".join(f"/{key}" for key in error.absolute_schema_path)
            expected, remedy = expectation(error), f"correct it at its source, or change {of} at {rule}"
        shown_value = "nothing" if error.instance is MISSING else preview(error.instance)
        # A value that breaks several parts of one rule is one mistake, told once.
        found.setdefault((where, expected), Problem(path=where, found=shown_value, expected=expected, fix=remedy))
    return list(found.values())
