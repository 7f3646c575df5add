"""Whether a command of the documentation could be run: its options exist, and what it names is there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence

from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.emulator.__main__ import _parser
from tests.conftest import AIRFLOW_3
from tests.docs.blocks import ROOT
from tests.docs.connections import from_text
from tests.docs.dags import check_conf, known_dag_ids

ONLY_IN_AIRFLOW = {"airflow backfill": True, "airflow dags backfill": False}


def check(lines: Sequence[str]) -> list[ClientSettings]:
    """Fail with whatever a command's own parser says.

    :param lines: as they are typed.
    :returns: the connections that they put into the environment.
    """
    made = []
    assert lines
    for line in lines:
        assert line.startswith("$ "), f"no command, and outputs are text: {line}"
        if any(where != AIRFLOW_3 for words, where in ONLY_IN_AIRFLOW.items() if line[2:].startswith(words)):
            continue
        words = [word for word in shlex.split(line[2:]) if word != "export"]
        while words and (name := re.match(r"([A-Z_]+)=", words[0])):
            assert name[1] == "AIRFLOW_CONN_EXPLO_DEFAULT", f"{name[1]}: what should that be?"
            made.append(from_text(words.pop(0).partition("=")[2]))
        if words:
            CHECKS[words[0]](words[1:])
    return made


def _make(words: Sequence[str]) -> None:
    goals = [word for word in words if "=" not in word]
    assert goals
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text()
    for setting in set(words) - set(goals):
        # make takes a variable of any name.
        assert f"$({setting.partition('=')[0]})" in makefile, setting


def _airflow(words: Sequence[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    options = get_parser().parse_args(list(words))
    if getattr(options, "conn_json", None):
        from_text(options.conn_json)
    if dag_id := getattr(options, "dag_id", None):
        assert dag_id in known_dag_ids(), f"no DAG {dag_id!r} in the documentation"
    if getattr(options, "conf", None):
        check_conf(dag_id, json.loads(options.conf))


def _pip(words: Sequence[str]) -> None:
    (what,) = [word for word in words if word != "install"]
    extra = re.fullmatch(r"\.(?:\[(\w+)\])?", what)
    assert extra, f"not this project: {what}"
    assert not extra[1] or f"\n{extra[1]} = [" in (ROOT / "pyproject.toml").read_text(), f"no extra {extra[1]}"


def _python(words: Sequence[str]) -> None:
    assert list(words[:2]) == ["-m", "airflow_provider_explo.emulator"]
    _parser().parse_args(words[2:])


CHECKS: dict[str, Callable[[Sequence[str]], None]] = {
    "make": _make,
    "airflow": _airflow,
    "pip": _pip,
    "python": _python,
}
