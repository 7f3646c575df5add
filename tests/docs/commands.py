"""Whether a command of the documentation could be run: its options exist, and what it names is there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence

from airflow.models import Connection

from airflow_provider_explo.emulator.__main__ import _parser
from tests.docs.blocks import ROOT


def check(line: str) -> None:
    """Fail with whatever the command's own parser says.

    :param line: as it is typed, with environment variables before it.
    """
    words = shlex.split(line)
    if words[0] == "export":
        words = words[1:]
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        assert name.startswith("AIRFLOW_CONN_"), f"{name}: what should that be?"
        connection(value)
    if words:
        CHECKS[words[0]](words[1:])


def connection(text: str) -> Connection:
    """A connection, written as JSON or as a URI."""
    made = Connection.from_json(text) if text.startswith("{") else Connection(uri=text)
    assert made.conn_type == "explo"
    assert made.password
    return made


def _make(words: Sequence[str]) -> None:
    goals = [word for word in words if "=" not in word]
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert goals


def _airflow(words: Sequence[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    options = get_parser().parse_args(list(words))
    for text in filter(None, [getattr(options, "conn_json", None)]):
        connection(text)
    for text in filter(None, [getattr(options, "conf", None)]):
        json.loads(text)


def _pip(words: Sequence[str]) -> None:
    (what,) = [word for word in words if word != "install"]
    extra = re.fullmatch(r"\.(?:\[(\w+)\])?", what)
    assert extra
    assert not extra[1] or f"\n{extra[1]} = [" in (ROOT / "pyproject.toml").read_text()


def _python(words: Sequence[str]) -> None:
    assert words[:2] == ["-m", "airflow_provider_explo.emulator"]
    _parser().parse_args(words[2:])


CHECKS: dict[str, Callable[[Sequence[str]], None]] = {
    "make": _make,
    "airflow": _airflow,
    "pip": _pip,
    "python": _python,
}
