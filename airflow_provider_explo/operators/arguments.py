"""Arguments that several operators take, checked when a DAG is parsed."""

from __future__ import annotations

IF_EXISTS = ("keep", "update", "fail")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices.

    :raises ValueError: naming them.
    """
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, found {value!r}")
