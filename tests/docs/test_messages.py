"""Every message that the documentation shows is what the code says, and every kind of error is shown."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_explo import exceptions
from tests.conftest import AIRFLOW
from tests.docs.blocks import ROOT, blocks
from tests.docs.provoke import answers, bulk, connections, network, tables, tenants
from tests.docs.provoke.stage import Stage, placed

PROVOKERS = [
    function
    for module in (answers, network, connections, tenants, bulk, tables)
    for name, function in vars(module).items()
    if inspect.isgeneratorfunction(function) and function.__module__ == module.__name__
]
# A block is one message, or each of its lines is one.
WHOLE = {block.text.strip(): block for block in blocks("text")}
LINES = {line.strip(): block for block in blocks("text") for line in block.text.splitlines()}
heard: dict[str, set[str]] = {}


@pytest.fixture
def stage(
    explo_connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    airflow_home,
) -> Iterator[Stage]:
    caplog.set_level(logging.INFO)
    made = Stage(explo_connection, tmp_path, monkeypatch, caplog, capfd)
    yield made
    made.end()


@pytest.mark.parametrize("provoke", PROVOKERS, ids=lambda one: f"{one.__module__.rpartition('.')[2]}-{one.__name__}")
def test_what_the_code_says_is_in_the_documentation(provoke: Callable[[Stage], Iterator[str]], stage):
    said = {placed(message) for message in provoke(stage)}
    assert said
    unknown = {message for message in said if message not in WHOLE and message not in LINES}
    assert not unknown, "\n".join(unknown)
    heard[f"{provoke.__module__}.{provoke.__name__}"] = said


@pytest.mark.skipif(
    AIRFLOW in ((3, 0), (3, 1)),
    reason="Airflow 3.0 and 3.1 say of an extra that is no JSON that there is no connection",
)
def test_the_documentation_shows_nothing_else():
    if len(heard) < len(PROVOKERS):
        pytest.skip("needs all of the tests above, in the same process")
    said = set().union(*heard.values())
    never = [
        f"{block.place}: {line}"
        for text, block in WHOLE.items()
        if text not in said
        for line in text.splitlines()
        if line.strip() not in said
    ]
    assert not never, "\n".join(never)


def test_the_guide_names_every_error_and_every_outcome():
    from airflow_provider_explo.tenants.outcome import KINDS

    guide = (ROOT / "docs" / "failures.md").read_text()
    errors = [
        name
        for name, one in vars(exceptions).items()
        if isinstance(one, type) and one.__module__ == exceptions.__name__
    ]
    assert len(errors) == 9
    assert [name for name in (*errors, *KINDS) if f"`{name}`" not in guide] == []


def test_the_messages_of_the_example_dags_are_theirs():
    section = (ROOT / "docs" / "failures.md").read_text().partition("## The example DAGs")[2].partition("## ")[0]
    told = [phrase for row in section.splitlines() if row.startswith("| `") for phrase in re.findall("`(.*?)`", row)]
    source = "".join(path.read_text() for path in (ROOT / "dags").glob("*.py"))
    source = re.sub(r'"\n +f?"', "", source)
    assert len(told) > 12
    assert [phrase for phrase in told if phrase not in source] == []
