"""How a task is run again: by clearing it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


def how_to_clear(context: Context) -> str:
    """What to do once the cause is fixed: the command that runs this task of this run again, and what depends on it."""
    ti: Any = context["ti"]
    date = context.get("logical_date")
    if date is None:
        # The command finds runs by their date alone, and would take all of them.
        return f"Then clear the task {ti.task_id} of the run {ti.run_id}, in Airflow's UI."
    # To Airflow 2 the task is a regular expression, to Airflow 3 a part of the name: the plain name is good for both.
    names, moment = f"{shlex.quote(ti.dag_id)} -t {shlex.quote(ti.task_id)}", date.isoformat()
    command = f"airflow tasks clear {names} --only-failed --downstream --yes"
    return f"Then, to run it again:\n  {command} \\\n    -s {moment} -e {moment}"
