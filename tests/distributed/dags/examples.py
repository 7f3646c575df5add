"""The example DAGs as they are, but for chunks of a size for a test."""

from __future__ import annotations

import os
import runpy

from airflow.providers.common.compat.sdk import DAG

for name in ("explo_onboard_tenants_bulk", "explo_onboard_tenant"):
    example = runpy.run_path(os.path.join(os.environ["TEST_EXAMPLES"], f"{name}.py"))
    globals().update({found.dag_id: found for found in example.values() if isinstance(found, DAG)})
    if "queries" in example:
        example["queries"].function.__globals__["TENANTS_A_CHUNK"] = 100
