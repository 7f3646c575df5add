"""ExploToSqlOperator in a process of its own: ``python -m tests.transfers.inventory_child ARGUMENTS``.

ARGUMENTS is a JSON object for the operator. SIGTERM does what Airflow 3 does with it: on_kill, and no more. The last
line of the output is the return value, with the peak of allocated memory.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import tracemalloc
from typing import Any

from airflow_provider_explo.transfers.explo_to_sql import ExploToSqlOperator


def main(arguments: dict[str, Any]) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    operator = ExploToSqlOperator(task_id="inventory", **arguments)
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    tracemalloc.start()
    returned = operator.execute({})
    _, peak = tracemalloc.get_traced_memory()
    sys.stdout.write(json.dumps({**returned, "peak": peak}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
