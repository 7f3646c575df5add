"""SqlToExploOperator in a process of its own, which can be killed: ``python -m tests.transfers.child ARGUMENTS``.

ARGUMENTS is a JSON object for the operator. SIGTERM does what Airflow 3 does with it: on_kill, and no more.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from typing import Any

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator


class TaskInstance:
    """As much of one as the operator uses."""

    dag_id, task_id, run_id, map_index = "bulk", "onboard", "run", -1

    def xcom_push(self, *, key: str, value: Any) -> None:
        print(json.dumps({key: value}))


def main(arguments: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    operator = SqlToExploOperator(task_id="onboard", **arguments)
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    print(json.dumps(operator.execute({"ti": TaskInstance()})))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
