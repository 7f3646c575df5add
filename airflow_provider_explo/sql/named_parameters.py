"""``:name`` in a query, written as each driver wants it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_explo.exceptions import ExploConfigError, message

# Text, quoted names and comments, in which a colon is a colon; then :name, but neither ::type nor a[1:n].
_NAMED = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \$(\w*)\$.*?\$\1\$ | --[^\n]* | /\*.*?\*/
    | (?<![:\w\])"]):(?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)


def bind(sql: str, parameters: Mapping[str, Any], *, paramstyle: str) -> tuple[str, Any]:
    """Write ``:name`` in a query as a driver wants it.

    :param paramstyle: the driver's, by PEP 249, or SQLAlchemy's ``numeric_dollar``.
    :returns: the query, and the driver's parameters.
    :raises ExploConfigError: the query names a parameter that is not given.
    """
    names: list[str] = []

    def placeholder(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return escaped(match[0])
        if name not in parameters:
            raise ExploConfigError(
                message(
                    f"sql: no value for :{name}",
                    found=", ".join(map(repr, parameters)) or "no parameters",
                    fix=f"add {name!r} to parameters",
                )
            )
        names.append(name)
        number = len(names)
        styles = {"named": f":{name}", "pyformat": f"%({name})s", "format": "%s", "qmark": "?", "numeric": f":{number}"}
        return styles.get(paramstyle, f"${number}")

    def escaped(text: str) -> str:
        return text.replace("%", "%%") if paramstyle in ("format", "pyformat") else text

    parts, end = [], 0
    for match in _NAMED.finditer(sql):
        parts += [escaped(sql[end : match.start()]), placeholder(match)]
        end = match.end()
    bound = "".join([*parts, escaped(sql[end:])])
    if paramstyle in ("named", "pyformat"):
        return bound, {name: parameters[name] for name in names}
    return bound, tuple(parameters[name] for name in names)
