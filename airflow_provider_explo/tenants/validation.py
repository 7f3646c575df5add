"""A tenant's fields checked by JSON Schemas (Draft 2020-12): the built-in and the user-supplied ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import referencing
import regex

from airflow_provider_explo import json_values
from airflow_provider_explo.exceptions import (
    MAX_PROBLEMS,
    ExploConfigError,
    Problem,
    member_path,
    preview,
    shortened,
    validation_error,
)
from airflow_provider_explo.tenants.tenant import FIELDS, Field, Tenant
from airflow_provider_explo.tenants.user_schemas import bounded_validator, find_problems, read_schema, start_check

# From a JSON value and its JSON path to what is wrong with it; not much more than is shown.
Check = Callable[[Any, str], list[Problem]]
# A rule may report a value many times over, and all that is one problem.
MAX_ERRORS = 1000
MAX_RULE_LENGTH = 300

_extend: Any = jsonschema.validators.extend
_STANDARD = jsonschema.Draft202012Validator
_BuiltInValidator = _extend(
    _STANDARD,
    # To Explo 213.0 is not the data source 213, though to JSON Schema both are integers.
    type_checker=_STANDARD.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class TenantValidator:
    """The built-in and the user-supplied schemas, compiled once for any number of tenants.

    :param user_schemas: by argument (``mapping_schema``, ``properties_schema``): a JSON Schema (Draft 2020-12), the
        path of one, or None.
    :raises ExploConfigError: a schema is not usable.
    :raises TypeError: there is no such argument.
    """

    def __init__(self, **user_schemas: Mapping[str, Any] | str | Path | None) -> None:
        names = {f"{name}_schema": name for name, described in FIELDS.items() if described.user_schema}
        for argument in user_schemas.keys() - names:
            raise TypeError(f"TenantValidator() got an unexpected keyword argument {argument!r}")
        self.user_schemas: dict[str, Any] = {}
        self._user_checks: dict[str, Check] = {}
        for argument, schema in user_schemas.items():
            if schema is not None:
                self.user_schemas[argument] = document = read_schema(schema, argument)
                self._user_checks[names[argument]] = _user_check(document, argument=argument)

    def tenant(self, **values: Any) -> Tenant:
        """Parse and validate a tenant's fields.

        :raises ExploValidationError: with every problem at once.
        """
        tenant = Tenant.parse(**values)
        self.validate(tenant)
        return tenant

    def partial(self, **values: Any) -> Tenant:
        """Parse and validate the id, and of the other fields those that are given, for an update of these alone.

        :raises ExploValidationError: with every problem at once.
        """
        tenant = Tenant.parse(**values)
        self.validate(tenant, {"user_group_id", *tenant.content(), *tenant.problems})
        return tenant

    def validate(self, tenant: Tenant, names: Collection[str] = FIELDS) -> None:
        """Check a tenant.

        :param names: the fields to check.
        :raises ExploValidationError: with every problem at once.
        """
        found = (
            problem
            for field in FIELDS.values()
            if field.name in names
            for problem in tenant.problems.get(field.name) or self._field_problems(field, getattr(tenant, field.name))
        )
        if problems := list(islice(found, MAX_PROBLEMS + 1)):
            raise validation_error(tenant.user_group_id, problems)

    def _field_problems(self, field: Field, value: Any) -> Sequence[Problem]:
        path, problems = f"$.{field.name}", []
        if value is not None or field.required:
            problems = _built_in_check(field.name)(value, path)
        if not problems and field.name in self._user_checks:
            # A field without a value breaks a rule such as "plan is required" as an empty object does.
            problems = self._user_checks[field.name]({} if value is None else value, path)
        return problems


@cache
def _built_in_check(name: str) -> Check:
    schema = json.loads((files(__package__) / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    validator = _BuiltInValidator(schema)

    def describe(error: jsonschema.ValidationError) -> tuple[str, str]:
        broken: Any = error.schema
        return broken["x-expected"], broken["x-fix"]

    return lambda value, path: _problems(validator, value, path, describe)


def _user_check(schema: Mapping[str, Any], *, argument: str) -> Check:
    """Compile a user-supplied schema.

    :raises ExploConfigError: it cannot be read, is not a valid Draft 2020-12 schema, refers to another document, or
        has a pattern that does not compile.
    """

    def describe(error: jsonschema.ValidationError) -> tuple[str, str]:
        pointer = shortened("".join(f"/{key}" for key in error.absolute_schema_path), MAX_RULE_LENGTH)
        return _rule(error), f"correct it at its source, or change {argument} at #{pointer}"

    document, problems = json_values.normalize(schema, "#")
    if not problems:
        try:
            metaschema = _STANDARD(_STANDARD.META_SCHEMA)
            problems = _problems(metaschema, document, "#", lambda error: (_rule(error), "correct the schema"))
        except RecursionError:
            fix = "flatten it, with $defs and $ref"
            problems = [Problem(path="#", found="a schema nested too deep", expected="fewer levels", fix=fix)]
    problems = problems or find_problems(document)
    if problems:
        raise ExploConfigError("\n".join([f"{argument} is not a usable JSON Schema", *map(str, problems)]))
    validator = bounded_validator(document)

    def check(value: Any, path: str) -> list[Problem]:
        start_check()
        try:
            return _problems(validator, value, path, describe)
        except referencing.exceptions.Unresolvable as error:
            reason = f"the reference {preview(error.ref)} leads nowhere in it"
        except TimeoutError as error:
            reason = str(error)
        except RecursionError:
            reason = "it refers to itself without end, or the data is nested too deep for it"
        except (ArithmeticError, TypeError, ValueError, regex.error) as error:
            reason = f"{type(error).__name__} in one of its rules"
        expected, fix = f"a value that {argument} can check", f"rewrite {argument}: {reason}"
        return [Problem(path=path, found=preview(value), expected=expected, fix=fix)]

    return check


def _rule(error: jsonschema.ValidationError) -> str:
    """The broken rule as the schema has it; jsonschema's own message would repeat the whole value."""
    if error.context:
        return shortened(" or ".join(dict.fromkeys(map(_rule, error.context))), MAX_RULE_LENGTH)
    return f"{error.validator} {preview(error.validator_value)}" if error.validator else "nothing here"


def _problems(
    validator: Any, value: Any, path: str, describe: Callable[[jsonschema.ValidationError], tuple[str, str]]
) -> list[Problem]:
    """:param describe: from an error to what was expected, and how to fix it."""
    problems: dict[tuple[str, str], Problem] = {}
    for error in islice(_iter_errors(validator, value), MAX_ERRORS):
        if len(problems) > MAX_PROBLEMS:
            break
        keys = [*error.absolute_path]
        if "propertyNames" in error.absolute_schema_path:
            keys.append(error.instance)
        place = member_path(path, keys)
        found = "nothing" if error.validator == "required" else preview(error.instance)
        expected, fix = describe(error)
        # A value that breaks several parts of one rule is one problem.
        problems.setdefault((place, expected), Problem(path=place, found=found, expected=expected, fix=fix))
    return list(problems.values())


def _iter_errors(validator: Any, value: Any) -> Iterator[Any]:
    try:
        yield from validator.iter_errors(value)
    except BaseException as error:
        # rpds, where jsonschema keeps schemas, panics where Python 3.10's stack ends in it; nothing exports that class.
        if type(error).__name__ != "PanicException":
            raise
        raise RecursionError("within rpds") from None
