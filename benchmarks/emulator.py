"""An emulator in a process of its own, whose limit may count over another window than a minute.

``python -m benchmarks.emulator LIMIT WINDOW``: LIMIT requests in any WINDOW seconds; 0 is no limit. The emulator ends
when its standard input does, so it never outlives whoever started it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from airflow_provider_explo.emulator import ExploEmulator
from airflow_provider_explo.emulator.state import RateLimiter


class Scaled(ExploEmulator):
    """An emulator with a window of so many seconds."""

    def __init__(self, *, token: str, limit: int | None, window: float, **options: Any) -> None:
        super().__init__(token=token, **options)
        self._limiter = RateLimiter(limit, window=window)


def main(limit: int, window: float) -> None:
    with Scaled(token=os.environ["EXPLO_EMULATOR_TOKEN"], limit=limit or None, window=window) as explo:
        sys.stdout.write(f"{explo.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
