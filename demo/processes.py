"""Child processes that never outlive the demo."""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import signal
import socket
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
def explo(log: Path) -> Iterator[str]:
    """The demo's local Explo: with what it held when it ended, and where it was.

    :returns: the Airflow connection to it, as JSON.
    """
    if not home.EXPLO_ADDRESS.exists():
        address = {"port": free_port(), "token": secrets.token_urlsafe(24)}
        home.write_private(home.EXPLO_ADDRESS, json.dumps(address))
    address = json.loads(home.EXPLO_ADDRESS.read_text())
    options = ["--port", str(address["port"]), "--database", str(home.EXPLO)]
    environment = {**os.environ, "EXPLO_EMULATOR_TOKEN": address["token"]}
    with (
        log.open("wb") as sink,
        running(
            [sys.executable, "-m", "airflow_provider_explo.emulator", *options],
            environment=environment,
            log=sink,
            stdout=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        if "http://" not in line:
            raise subprocess.SubprocessError(
                f"The Explo emulator did not start on port {address['port']}; see {log}.\n"
                "If something else has that port now, `make demo` takes another."
            )
        yield home.explo_connection(line.split()[-1], address["token"])


def free_port() -> int:
    """One that the kernel gives to no outgoing connection, so that it is likely to be free later, too."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


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
