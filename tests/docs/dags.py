"""DAGs of the documentation, as Airflow finds them in files, and the conf of their runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import AIRFLOW, AIRFLOW_3
from tests.docs.blocks import ROOT, blocks

AROUND = """
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG
{imports}

with DAG("around", schedule=None, start_date=datetime(2026, 1, 1)):
{body}
"""


def found_in(code: str, folder: Path) -> dict[str, Any]:
    """The DAGs that Airflow finds in a file with this code; what stands in none is put into one.

    :returns: by id.
    """
    from airflow.models import DagBag

    if "with DAG(" not in code:
        code = _around(code)
    (folder / "documented.py").write_text(code)
    bag = DagBag(str(folder))
    assert not bag.import_errors, bag.import_errors
    assert bag.dags, "no DAG"
    assert all(dag.tasks for dag in bag.dags.values() if "..." not in code), "a DAG without a task"
    return dict(bag.dags)


def check_conf(dag_id: str, conf: Mapping[str, Any]) -> None:
    """What Airflow checks when a run is made, and that each field is a param."""
    # A param remembers what it was once given.
    params = deepcopy(_examples().dags[dag_id].params)
    unknown = conf.keys() - params.keys()
    assert not unknown, unknown
    for name in params:
        param = params.get_param(name)
        param.resolve(conf[name]) if name in conf else param.resolve()


def check_approval(body: Mapping[str, Any]) -> None:
    """What Airflow checks when a human responds."""
    if AIRFLOW < (3, 1):
        return
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    payload = UpdateHITLDetailPayload.model_validate(body)
    assert set(payload.chosen_options) <= {ApprovalOperator.APPROVE, ApprovalOperator.REJECT}


def check_interval(body: Mapping[str, Any]) -> None:
    """What Airflow 3 checks when a run is made for an interval."""
    if not AIRFLOW_3:
        return
    from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody

    made = TriggerDAGRunPostBody.model_validate(body)
    assert made.data_interval_start < made.data_interval_end


@cache
def known_dag_ids() -> set[str]:
    """Of the example DAGs, and of those that the documentation defines."""
    codes = [path.read_text() for path in (ROOT / "dags").glob("*.py")] + [block.code for block in blocks("python")]
    return {name for code in codes for name in re.findall(r'\bDAG\(\s*"(\w+)"', code)}


@cache
def _examples() -> Any:
    from airflow.models import DagBag

    return DagBag(str(ROOT / "dags"))


def _around(code: str) -> str:
    lines = code.splitlines()
    first = next(n for n, line in enumerate(lines) if line and not line.startswith(("from ", "import ", "#", " ", ")")))
    body = "\n".join(f"    {line}" if line else "" for line in lines[first:])
    return AROUND.format(imports="\n".join(lines[:first]), body=body)
