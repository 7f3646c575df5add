"""What some versions of Airflow cannot do, and what none may do: warn of our code."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest

from tests.conftest import AIRFLOW_3


@pytest.mark.xfail(not AIRFLOW_3, reason="Airflow 2.11 refuses SQLite with LocalExecutor", strict=True)
def test_local_executor_on_sqlite(airflow_home):
    # What every scheduler does at its start.
    start = "from airflow.executors.executor_loader import ExecutorLoader as E; E.import_default_executor_cls()"
    environment = os.environ | {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}
    done = subprocess.run(
        [sys.executable, "-c", start], env=environment, cwd=airflow_home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["airflow_provider_explo.hooks.explo", "unusual_prefix_0a1b_explo_onboard_tenant"])
def test_a_warning_that_our_code_causes_is_an_error(module):
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("gone in Airflow 4", DeprecationWarning, "file.py", 1, module=module)
