"""``python -m tests.distributed.explo_process PORT DATABASE LIMIT WINDOW``: Explo in a process of its own.

It keeps its groups in a file and writes a line per request to standard error, so both outlive it. It is as far away as
a real one: a request takes effect at once, and the response comes later. It ends with SIGTERM.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from airflow_provider_explo.emulator.faults import Fault
from benchmarks.emulator import Scaled

RESPONSE_SECONDS = 0.25


def main(port: int, database: str, limit: int, window: float) -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    token = os.environ["EXPLO_EMULATOR_TOKEN"]
    with Scaled(token=token, limit=limit, window=window, port=port, database=database) as explo:
        explo.inject(Fault("slow", seconds=RESPONSE_SECONDS, times=None))
        stopped.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
