"""Errors, and all that can be seen in them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest


def failure(call: Callable[[], Any]) -> Any:
    """The exception that a call ends with; its traceback begins here, where no local variable is secret."""
    try:
        call()
    except BaseException as error:
        return error
    pytest.fail("no error was raised")


def everything_shown(error: BaseException | None) -> str:
    """All that any tool may print of an exception and of those behind it, local variables of every frame included."""
    shown: list[str] = []
    while error is not None:
        rendered = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        shown += [str(error), repr(error), repr(error.args), repr(vars(error)), *rendered]
        error = error.__cause__ or error.__context__
    return "\n".join(shown)
