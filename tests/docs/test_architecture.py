"""The architecture page names every file of the package, and nothing that is not there."""

from __future__ import annotations

import re

from tests.docs.blocks import ROOT

PACKAGE = ROOT / "airflow_provider_explo"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FILES = {
    str(path.relative_to(PACKAGE)): path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py" and "emulator" not in path.parts
}


def test_every_file_of_the_package_is_named():
    assert [name for name in FILES if f"`{name}`" not in PAGE] == []


def test_every_file_and_folder_that_is_named_exists():
    named = re.findall(r"`([\w/]+(?:\.py|/))`", PAGE)
    assert len(named) > len(FILES)
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []


def test_every_class_that_is_named_exists():
    code = "".join(path.read_text() for path in FILES.values())
    classes = set(re.findall(r"^class (\w+)", code, re.MULTILINE))
    named = set(re.findall(r"`((?:[A-Z]+[a-z]+)+)`", PAGE))
    assert len(named) > 20
    assert named - classes == set()


def test_the_layers_are_those_of_the_import_contract():
    layers = re.findall(r'^    "([\w |]+)",$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    block = next(block for block in PAGE.split("```") if "transfers/\noperators/" in block)
    assert [re.sub(r"\.py|/", "", line) for line in block.splitlines()[1:]] == layers
