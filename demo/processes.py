"""Child processes that never outlive the demo."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from demo import home


@contextmanager
def alone() -> Iterator[None]:
    """Hold the demo's folder, which refuses a second demo in it; SIGTERM and SIGHUP end as Ctrl-C does."""
    home.FOLDER.mkdir(exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with (home.FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("Another `make demo` or `make ui` runs in this folder.")
        yield


@contextmanager
def running(
    command: Sequence[str],
    *,
    environment: dict[str, str],
    log: IO[bytes],
    stdout: int | None = None,
    inherited: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own, and end it with everything that it started.

    :param inherited: a file descriptor that it gets too.
    """
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=home.PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=log if stdout is None else stdout,
        stderr=log,
        pass_fds=() if inherited is None else (inherited,),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def explo(log: Path, *, database: Path) -> Iterator[str]:
    """A local Explo on a free port.

    :returns: the Airflow connection to it, as JSON.
    """
    token = secrets.token_urlsafe(24)
    command = [sys.executable, "-m", "airflow_provider_explo.emulator", "--port", "0", "--database", str(database)]
    environment = {**os.environ, "EXPLO_EMULATOR_TOKEN": token}
    with (
        log.open("wb") as sink,
        running(command, environment=environment, log=sink, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        if "http://" not in line:
            raise RuntimeError(f"the Explo emulator did not start; see {log}")
        yield home.explo_connection(line.split()[-1], token)


def _end(process: subprocess.Popen[bytes]) -> None:
    for kind, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
            break
    # Whatever the process left in its group.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
