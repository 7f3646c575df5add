"""The problems of a tenant."""

from __future__ import annotations

import pytest

from airflow_provider_explo.exceptions import ExploValidationError
from airflow_provider_explo.tenants.validation import TenantValidator

RULES = TenantValidator()
VALID = {"user_group_id": "acme", "name": "Acme"}


def problems_of(**fields):
    with pytest.raises(ExploValidationError) as caught:
        RULES.tenant(**{**VALID, **fields})
    return caught.value.problems


def check(schema, properties):
    """The problems that a properties_schema finds."""
    rules = TenantValidator(properties_schema=schema)
    try:
        rules.tenant(**VALID, properties=properties)
    except ExploValidationError as error:
        return error.problems
    return ()
