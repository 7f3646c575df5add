"""Inside the demo's Airflow: the log of each task, in the file in which Airflow's UI looks for it.

``dag.test()`` runs tasks in one process, and writes everything to its output. A worker writes a file for each attempt.
"""

from __future__ import annotations

import json
import sys
from typing import IO, Any

import structlog

# The parts of Airflow that share the process here, and would not share a worker's.
_OTHERS = ("airflow.api_fastapi.", "airflow.dag_processing.", "airflow.models.", "airflow.sdk.definitions.")


class TaskLogs:
    """A stream that takes Airflow's log as lines of JSON, and writes a task's to its file and all of them to stdout."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def configure(self) -> None:
        """Make Airflow log here, from now on."""
        from airflow.sdk.log import configure_logging, reset_logging

        reset_logging()
        configure_logging(json_output=True, output=self)

    def begin(self, task_instance: Any) -> None:
        """What is logged from now on is of this task."""
        from airflow.sdk.log import init_log_file
        from airflow.utils.helpers import log_filename_template_renderer

        self.end()
        self._file = init_log_file(log_filename_template_renderer()(ti=task_instance)).open("ab", buffering=0)
        # Airflow has opened this group just now, and is about to close it.
        structlog.get_logger("task").info("::group::Pre Execute")

    def end(self) -> None:
        """What is logged from now on is of no task."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def write(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)
        if self._file is None:
            return
        event = json.loads(line)
        if not str(event.get("logger")).startswith(_OTHERS):
            # As a worker's supervisor does: the UI shows an exception under this name.
            if "exception" in event:
                event["error_detail"] = event.pop("exception")
            self._file.write(json.dumps(event).encode() + b"\n")

    def flush(self) -> None:
        sys.stdout.buffer.flush()
