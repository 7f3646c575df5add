"""SqlToExploOperator in processes of their own, which can be killed; forked, as importing Airflow takes seconds."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

FORK = multiprocessing.get_context("forkserver")
# And what the operator imports at work.
AT_WORK = (
    "airflow.providers.common.sql.hooks.sql",
    "airflow.providers.sqlite.hooks.sqlite",
    "airflow_provider_explo.hooks.explo",
    "airflow_provider_explo.sql.log_table",
    "airflow_provider_explo.sql.rejects_table",
    "airflow_provider_explo.sql.tenant_query",
    "airflow_provider_explo.sync.report",
    "airflow_provider_explo.sync.run",
    "airflow_provider_explo.client.client",
    "airflow.providers_manager",
)
FORK.set_forkserver_preload([__name__, *AT_WORK])


class TaskInstance:
    """As much of one as the operator uses."""

    dag_id, task_id, run_id, map_index = "bulk", "onboard", "run", -1

    def xcom_push(self, *, key: str, value: Any) -> None:
        print(json.dumps({key: value}))


class Child:
    """The operator, running in a process of its own; ``target`` runs it there, and is :func:`run` if None."""

    def __init__(
        self,
        arguments: Mapping[str, Any],
        *,
        environment: Mapping[str, str],
        folder: Path,
        target: Callable[..., None] | None = None,
    ) -> None:
        self._out, self._log = folder / "out", folder / "log"
        self._process = FORK.Process(target=target or run, args=(arguments, dict(environment), self._out, self._log))
        self._process.start()

    def send_signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def wait(self, timeout: float) -> None:
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"still running after {timeout:g} s"

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end.

        :returns: what it printed, and what it logged.
        """
        self.wait(timeout)
        return self._out.read_text(), self._log.read_text()


def run(arguments: dict[str, Any], environment: dict[str, str], out: Path, log: Path) -> None:
    """Execute the operator. SIGTERM does what Airflow 3 does with it: on_kill, and no more."""
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in ((1, out), (2, log)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    operator = SqlToExploOperator(task_id="onboard", **arguments)
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    print(json.dumps(operator.execute({"ti": TaskInstance()})), flush=True)
