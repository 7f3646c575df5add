"""The package speaks of requests, responses and retries, as HTTP and Airflow do; of plans and changes, as Terraform."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "airflow_provider_explo"
# A part of a name, between underscores or capitals; a whole name; an argument.
PART = re.compile(
    "tells?|told|telling|hears?|heard|crew|aside|doctored|answer(s|ed)?|callers?|pac(er|ing)|nobody|mend(s|ed|ing)?"
    "|anew|twins?|patience|punctuality|misbehaviour|worklist|believed|strays"
)
NAME = re.compile("one|some|more|given|wrong|own_rules|team_rules|failed_for_good|masked")
ARGUMENT = re.compile("words|doing|of|about")
PHRASE = re.compile(
    r"\b(stands? twice|no good|means? nothing to explo|nobody|mend(s|ed|ing)?|anew|time-outs?|told|hears?|heard|crew"
    r"|aside|doctored|answer(s|ed|ing)?|twins?|pac(er|ing)|believed|strays?|trying again|a row a tenant"
    r"|rules of your own|of the team's own|(a|no|each|another|first|second) calls?|calls (to explo|in flight))\b",
    re.IGNORECASE,
)


def sources(pattern: str) -> list[Path]:
    return sorted(PACKAGE.rglob(pattern))


def names(code: str) -> Iterator[tuple[int, str, bool]]:
    """The names of functions, classes, arguments, variables and attributes, and whether each is an argument."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.lineno, node.name, False
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg, True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr, False


def texts(code: str) -> Iterator[tuple[int, str]]:
    """Messages, docstrings and comments."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def old_words(code: str, module: str) -> list[str]:
    old = [f"{line}: {text}" for line, text in texts(code) if PHRASE.search(text)]
    for line, name, is_argument in [*names(code), (0, module, False)]:
        parts = re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
        old_part = any(PART.fullmatch(part.lower()) for part in parts)
        if old_part or NAME.fullmatch(name) or (is_argument and ARGUMENT.fullmatch(name)):
            old.append(f"{line}: {name}")
    return sorted(old)


@pytest.mark.parametrize("path", sources("*.py"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_words_of_code(path: Path) -> None:
    assert old_words(path.read_text(), path.stem) == []


@pytest.mark.parametrize("path", sources("*.json"), ids=lambda path: path.name)
def test_words_of_schemas(path: Path) -> None:
    assert PHRASE.search(path.read_text()) is None


def test_old_words_are_found() -> None:
    code = "class CrewOfTwo:\n  def tell(self, of):\n    'mended'\n    self.breaker_heard = given = 1  # nobody\n"
    expected = "0: caller|1: CrewOfTwo|2: of|2: tell|3: mended|4: # nobody|4: breaker_heard|4: given"
    assert "|".join(old_words(code, "caller")) == expected
