"""Programs in the background, each with its output in a file, which can be killed with everything they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil


class Program:
    """One program; its output is added to ``log``, also over several starts."""

    def __init__(self, *command: str, log: Path, environment: Mapping[str, str], cwd: Path) -> None:
        self._command = command
        self._log = log
        self._environment = dict(environment)
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=self._cwd, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, *, number: int = signal.SIGTERM, patience: float = 30) -> None:
        """Send a signal to the program, and kill what is left of it and its children after ``patience`` seconds."""
        if self._process is None:
            return
        family = self._family()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._kill(family)

    def kill(self) -> None:
        """SIGKILL to the program and to everything that it started, at once."""
        self._kill(self._family())

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _kill(self, family: list[psutil.Process]) -> None:
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None


def wait_until(met: Callable[[], object], *, what: str, patience: float, pause: float = 0.25) -> None:
    """Ask again and again; what raises meanwhile counts as not yet.

    :raises TimeoutError: naming what did not come.
    """
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        with contextlib.suppress(OSError, KeyError, ValueError):
            if met():
                return
        time.sleep(pause)
    raise TimeoutError(f"{what}: not within {patience:.0f} seconds")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
