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
from tests.docs.provoke import bulk, connections, lifecycle, network, responses, tables, tenants
from tests.docs.provoke.stage import Stage, placed

FAILURES = ROOT / "docs" / "failures"
NO_INVALID_EXTRA = AIRFLOW in ((3, 0), (3, 1))
INVALID_EXTRA = "Airflow 3.0 and 3.1 say of a connection with an invalid extra that it does not exist"
PROVOKERS = [
    function
    for module in (responses, network, connections, tenants, lifecycle, bulk, tables)
    for name, function in vars(module).items()
    if inspect.isgeneratorfunction(function) and function.__module__ == module.__name__
]


def several(text: str) -> Iterator[str]:
    """The messages of a block: each is a line and the indented lines below it, which lines above each other share."""
    for lines, details in re.findall(r"((?:^\S.*\n)+)((?:^ .*\n)*)", f"{text}\n", re.MULTILINE):
        yield from (f"{line}\n{details}".strip() for line in lines.splitlines())


# A block is one message, or several; those of the architecture page are drawings.
BLOCKS = {block.text.strip(): block for block in blocks("text") if "architecture.md" not in block.place}
MESSAGES = {text for whole in BLOCKS for text in several(whole)}
provoked: dict[str, set[str]] = {}


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


@pytest.mark.parametrize(
    "provoke", PROVOKERS, ids=lambda function: f"{function.__module__.rpartition('.')[2]}-{function.__name__}"
)
def test_the_messages_of_the_code_are_in_the_documentation(provoke: Callable[[Stage], Iterator[str]], stage):
    if provoke is connections.each and NO_INVALID_EXTRA:
        pytest.skip(INVALID_EXTRA)
    messages = {placed(message) for message in provoke(stage)}
    assert messages
    missing = messages - BLOCKS.keys() - MESSAGES
    assert not missing, "\n".join(missing)
    provoked[f"{provoke.__module__}.{provoke.__name__}"] = messages


@pytest.mark.skipif(NO_INVALID_EXTRA, reason=INVALID_EXTRA)
def test_the_documentation_shows_nothing_else():
    if len(provoked) < len(PROVOKERS):
        pytest.skip("needs all of the tests above, in the same process")
    messages = set().union(*provoked.values())
    never = [
        f"{block.place}: {text}"
        for whole, block in BLOCKS.items()
        if whole not in messages
        for text in several(whole)
        if text not in messages
    ]
    assert not never, "\n".join(never)


def test_the_guide_names_every_error_and_every_outcome():
    from airflow_provider_explo.tenants.outcome import KINDS

    guide = "".join(path.read_text() for path in FAILURES.glob("*.md"))
    errors = [
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == exceptions.__name__
    ]
    assert len(errors) == 11
    assert [name for name in (*errors, *KINDS) if f"`{name}`" not in guide] == []


def test_the_messages_of_the_example_dags_are_theirs():
    section = (FAILURES / "index.md").read_text().partition("## The example DAGs")[2].partition("## ")[0]
    phrases = re.findall("`([a-z_ :]+)`", section)
    source = "".join(path.read_text() for path in (ROOT / "dags").glob("*.py"))
    assert len(phrases) > 4
    assert [phrase for phrase in phrases if phrase not in source] == []
