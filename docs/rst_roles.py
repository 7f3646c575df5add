"""For the reference: docstrings are written as Sphinx reads them, and the site is Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|meth|func|attr|data|mod|exc):`(?P<short>~?)(?P<name>[\w.]+)`")
LITERAL_BLOCK = re.compile(r"::$", re.MULTILINE)


class RstRoles(griffe.Extension):
    """Turns roles into code, and into links where the site has the object; ``::`` at a line's end into a colon."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            text = ROLE.sub(lambda role: _link(role, obj), obj.docstring.value)
            obj.docstring.value = LITERAL_BLOCK.sub(":", text)


def _link(role: re.Match[str], obj: griffe.Object) -> str:
    name = role["name"]
    shown = name.rpartition(".")[2] if role["short"] else name
    around = obj if obj.is_class or obj.is_module else obj.parent
    path = name if "." in name or around is None else f"{around.path}.{name}"
    return f'<autoref optional identifier="{path}"><code>{shown}</code></autoref>'
