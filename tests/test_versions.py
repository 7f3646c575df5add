"""What no version of Airflow may do: warn of our code."""

from __future__ import annotations

import warnings

import pytest


@pytest.mark.parametrize("module", ["airflow_provider_explo.hooks.explo", "unusual_prefix_0a1b_explo_onboard_tenant"])
def test_a_warning_that_our_code_causes_is_an_error(module):
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("gone in Airflow 4", DeprecationWarning, "file.py", 1, module=module)
