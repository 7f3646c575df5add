"""A function in a fresh interpreter: ``python -m benchmarks.child MODULE FUNCTION ARGUMENTS``, with ARGUMENTS in JSON.

What the function returns goes to standard output, in JSON; what it logs goes to standard error.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
PROJECT = Path(__file__).resolve().parent.parent


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """For an Airflow whose home is the folder; settings of another Airflow do not reach it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    return {
        **kept,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"])),
        "PYTHONPATH": str(PROJECT),
        **settings,
    }


def in_child(folder: Path, function: Callable[..., T], **arguments: Any) -> T:
    """Call a module's function in a fresh interpreter.

    :param folder: for whatever Airflow writes.
    :param arguments: JSON values.
    """
    command = [sys.executable, "-m", "benchmarks.child", function.__module__, function.__name__, json.dumps(arguments)]
    with (folder / "child.log").open("w+", encoding="utf-8") as log:
        done = subprocess.run(
            command, env=environment(folder), cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
        )
        if done.returncode:
            log.seek(0)
            raise RuntimeError(f"{function.__name__} failed:\n{log.read()[-3000:]}")
    result: T = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_megabytes() -> float:
    """The most memory that this process has held so far."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    result = getattr(import_module(sys.argv[1]), sys.argv[2])(**json.loads(sys.argv[3]))
    sys.stdout.write(f"{json.dumps(result)}\n")
