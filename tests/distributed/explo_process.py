"""``python -m tests.distributed.explo_process PORT DATABASE LIMIT WINDOW``: Explo in a process of its own.

It keeps its groups in a file and writes a line a request to standard error, so both outlive it. It ends with SIGTERM.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from benchmarks.emulator import Scaled


def main(port: int, database: str, limit: int, window: float) -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    token = os.environ["EXPLO_EMULATOR_TOKEN"]
    with Scaled(token=token, limit=limit, window=window, port=port, database=database):
        stopped.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
