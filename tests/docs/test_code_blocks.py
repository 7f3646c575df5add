"""Every code block of README and documentation is run, or read by what would read it."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
import warnings

import pytest

from tests.conftest import AIRFLOW_3
from tests.docs.blocks import ROOT, blocks
from tests.docs.commands import check, connection

CHECKED = {"python", "console", "json", "ini", "sql", "text"}
NOT_IN_AIRFLOW_2 = ("airflow backfill",)
NOT_IN_AIRFLOW_3 = ("airflow dags backfill",)


def each(*languages):
    return pytest.mark.parametrize("block", blocks(*languages), ids=lambda block: block.place)


def test_no_block_is_of_a_language_that_is_not_checked():
    assert [block.place for block in blocks() if block.language not in CHECKED] == []
    assert len(blocks("python")) > 10


@each("python")
def test_python_runs(block, airflow_home):
    text = block.included.read_text() if block.included else block.text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, block.place, "exec"), {"__name__": "documented", "__file__": block.place})


def test_tests_pass(airflow_home, tmp_path):
    tests = [block for block in blocks("python") if "\ndef test_" in block.text]
    assert len(tests) == 3
    for number, block in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(f"# {block.place}\n{block.text}")
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2.11's base classes are Any to mypy")
def test_python_is_well_typed(tmp_path):
    for number, block in enumerate(block for block in blocks("python") if not block.included):
        (tmp_path / f"block_{number}.py").write_text(f"# {block.place}\n{block.text}")
    options = ["--ignore-missing-imports", "--check-untyped-defs", "--disable-error-code=empty-body"]
    command = [sys.executable, "-m", "mypy", *options, "--cache-dir", str(ROOT / ".mypy_cache" / "docs"), "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=None, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each("console")
def test_commands_have_these_options(block, airflow_home):
    absent = NOT_IN_AIRFLOW_2 if not AIRFLOW_3 else NOT_IN_AIRFLOW_3
    lines = block.text.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("$ ")
        if not line[2:].startswith(absent):
            check(line[2:])


@each("json")
def test_json_is_json(block):
    data = json.loads(block.text)
    assert "conn_type" in data or "conf" in data
    if "conn_type" in data:
        connection(block.text)


@each("ini")
def test_configuration_names_options_of_ours(block):
    from airflow_provider_explo.get_provider_info import get_provider_info

    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(block.text)
    for section in parser.sections():
        assert set(parser[section]) <= set(get_provider_info()["config"][section]["options"])


def test_sql_runs(airflow_home, postgres):
    from sqlalchemy import create_engine

    from airflow_provider_explo.token_table import TokenTable
    from airflow_provider_explo.transfers.rejects_table import RejectsTable

    engine = create_engine(postgres.database("documented"))
    RejectsTable(engine, "explo_rejects", run="docs").prepare()
    assert blocks("sql")
    for block in blocks("sql"):
        with engine.begin() as connection:
            connection.exec_driver_sql(block.text)
    TokenTable(engine).check()
    engine.dispose()
