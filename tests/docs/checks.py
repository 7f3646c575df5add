"""A check for each language that a block may be of; each fails with an exception."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.docs import commands, connections, dags
from tests.docs.blocks import ROOT, Block

MYPY = """[mypy]
ignore_missing_imports = True
check_untyped_defs = True
warn_unreachable = True
disable_error_code = empty-body
"""


def python(block: Block, folder: Path) -> None:
    """Imported: as a DAG file where it makes operators, and as a module where it does not."""
    if "Operator(" in block.code or "Operator.partial(" in block.code or "DAG(" in block.code:
        dags.found_in(block.code, folder)
    elif not block.is_conftest:
        exec(compile(block.code, block.place, "exec"), {"__name__": "documented", "__file__": block.place})


def tests(blocks: Iterable[Block], folder: Path) -> None:
    """pytest, as a reader would run it, in this test run's Airflow."""
    for number, block in enumerate(blocks):
        name = "conftest.py" if block.is_conftest else f"test_{number}.py"
        (folder / name).write_text(f"# {block.place}\n{block.code}")
    _run("pytest", "--quiet", "-p", "no:cacheprovider", "-W", "ignore", ".", folder=folder)


def types(blocks: Iterable[Block], folder: Path) -> None:
    """mypy, once for all; the first time takes it some seconds more, for Airflow itself."""
    for block in blocks:
        code = f"# {block.place}\n{block.code}"
        # mypy's cache knows a file by name, size and second.
        (folder / f"block_{sha256(code.encode()).hexdigest()}.py").write_text(code)
    (folder / "mypy.ini").write_text(MYPY)
    _run("mypy", "--cache-dir", str(ROOT / ".mypy_cache" / "docs"), ".", folder=folder)


def console(block: Block, folder: Path) -> None:
    """Commands; those that set one variable several times mean the same by it."""
    made = commands.check(block.text.splitlines())
    assert all(one == made[0] for one in made), "not the same connection"


def json_text(block: Block, folder: Path) -> None:
    """A connection, or the body of a request that triggers a DAG, or that approves a plan."""
    data = json.loads(block.text)
    if "conn_type" in data:
        connections.from_text(block.text)
    elif "chosen_options" in data:
        dags.check_approval(data)
    elif "data_interval_start" in data:
        dags.check_interval(data)
    else:
        assert set(data) == {"logical_date", "conf"}
        dags.check_conf("explo_onboard_tenant", data["conf"])


def ini(block: Block, folder: Path) -> None:
    connections.check_ini(block.text)


def yaml(block: Block, folder: Path) -> None:
    connections.from_file(block.text, folder)


def _run(*command: str, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=240,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)


CHECKS: dict[str, Callable[[Block, Path], None]] = {
    "python": python,
    "console": console,
    "json": json_text,
    "ini": ini,
    "yaml": yaml,
}
# SQL is run in its order, in test_code_blocks; text is what test_messages provokes.
CHECKED = {*CHECKS, "sql", "text"}
