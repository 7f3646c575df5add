"""``python -m benchmarks [NAME …]``: run all benchmarks, or those named, and keep their results."""

from __future__ import annotations

import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import FrameType

from benchmarks.report import RESULTS

NAMES = ("limit", "throughput", "signup", "backfill", "unchanged", "reconcile", "memory", "imports", "cpu")


def main(names: list[str]) -> int:
    if unknown := sorted(set(names) - set(NAMES)):
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    for name in names or NAMES:
        print(f"{name}: measuring …", flush=True)
        with tempfile.TemporaryDirectory(prefix="explo-bench-") as folder:
            report = import_module(f"benchmarks.{name}").measure(Path(folder))
        kept = report.keep(name).relative_to(RESULTS.parent.parent)
        print(f"\n{report.text()}\nKept in {kept}\n", flush=True)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
