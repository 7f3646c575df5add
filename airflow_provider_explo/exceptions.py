"""The errors that this package raises on purpose, and how their messages are laid out.

ExploError
├── ExploConfigError          the connection, a schema, a query or a table is wrong
├── ExploValidationError      the tenant's data is wrong: .problems
├── ExploPlanRefusedError     the guard, or an approved plan that no longer fits
└── ExploApiError             Explo's response: .status, .endpoint, .retry_after
    ├── ExploAuthError            401, 403
    ├── ExploRefusedError         400, 404, 409, 422, success: 0
    ├── ExploEndpointGoneError    404, 405, 410 of an endpoint that cannot mean "no such tenant"
    ├── ExploRateLimitError       429
    ├── ExploUnavailableError     5xx, timeouts, broken connections
    └── ExploProtocolError        not the documented shape

A retry can fix ExploRateLimitError and ExploUnavailableError, and none of the others. A message names what happened,
the tenant, the endpoint and the fix; it never holds a response body or a token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any

MAX_PREVIEW_LENGTH = 80
MAX_ESCAPED_LENGTH = 160
MAX_PATH_LENGTH = 200
# Of one tenant: so many are found and listed.
MAX_PROBLEMS = 20
MAX_MESSAGE_LENGTH = 10_000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a tenant's data or in a JSON Schema.

    :param path: JSON path of the value, such as ``$.mapping['x']``.
    :param found: the value, shortened.
    :param expected: the rule that it breaks.
    :param fix: what to do.
    """

    path: str
    found: str
    expected: str
    fix: str

    def __str__(self) -> str:
        return message(self.path, found=self.found, expected=self.expected, fix=self.fix)


def message(summary: str, *, found: str | None = None, expected: str | None = None, fix: str | None = None) -> str:
    """Lay out an error: what happened, then its details, each on a line of its own.

    Airflow's log page does not wrap: keep lines under 88 characters where the data allows.
    """
    details = {"found": found, "expected": expected, "fix": fix}
    return "\n".join([summary, *(f"  {label}: {text}" for label, text in details.items() if text is not None)])


def json_path(path: str, key: object) -> str:
    """The JSON path of one member of the value at ``path``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        return f"{path}.{key}"
    return f"{path}[{preview(key)}]"


def member_path(path: str, keys: Iterable[object]) -> str:
    """The JSON path of a value somewhere below ``path``, shortened."""
    place = reduce(json_path, keys, path)
    return place if len(place) <= MAX_PATH_LENGTH else f"{place[: MAX_PATH_LENGTH // 2]}…"


def preview(value: Any) -> str:
    """A value for a message, a log line or a table: on one line, escaped, shortened."""
    if isinstance(value, str) and len(value) > MAX_PREVIEW_LENGTH:
        return f"{_escaped(value[:MAX_PREVIEW_LENGTH])}… ({len(value)} characters)"
    if isinstance(value, str):
        return _escaped(value)
    try:
        text = repr(value)
    except Exception:
        # A broken __repr__ must not hide the problem that is being reported.
        return f"a {type(value).__name__} without a repr"
    return shortened(text, MAX_PREVIEW_LENGTH)


def shortened(text: str, length: int) -> str:
    """Text of at most so many characters, and a mark where there were more."""
    return text if len(text) <= length else f"{text[:length]}…"


def _escaped(text: str) -> str:
    return shortened(repr(text), MAX_ESCAPED_LENGTH)


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def validation_error(user_group_id: object, problems: Iterable[Problem]) -> ExploValidationError:
    """One error for the problems of one tenant: all of them up to 20, of which the 21st is not looked at."""
    found = list(islice(problems, MAX_PROBLEMS + 1))
    count = counted(len(found), "problem") if len(found) <= MAX_PROBLEMS else f"more than {MAX_PROBLEMS} problems"
    lines = [f"tenant {preview(user_group_id)}: {count}; nothing was sent to Explo for this tenant"]
    left = MAX_MESSAGE_LENGTH
    for problem in found[:MAX_PROBLEMS]:
        left -= len(str(problem))
        if left < 0:
            break
        lines.append(str(problem))
    if len(lines) <= len(found):
        lines.append("and more")
    return ExploValidationError("\n".join(lines), found[:MAX_PROBLEMS])


class ExploError(Exception):
    """The base class of this package's errors."""


class ExploConfigError(ExploError):
    """The Airflow connection, a user-supplied JSON Schema, a query or a table is wrong."""


class ExploValidationError(ExploError):
    """The tenant's data is wrong, and nothing was sent.

    :param message: the text with every problem.
    :param problems: one :class:`~airflow_provider_explo.exceptions.Problem` per mistake.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, tuple(problems))
        self.problems: tuple[Problem, ...] = tuple(problems)

    def __str__(self) -> str:
        return str(self.args[0])


class ExploPlanRefusedError(ExploError):
    """The guard refused a plan that would change too much, or an approved plan no longer fits; nothing was changed."""


class ExploApiError(ExploError):
    """Explo's response was an error or not Explo's, or there was none.

    :param message: the text.
    :param status: HTTP status, or None where there was no response.
    :param endpoint: method and path, such as ``POST /embed/create_user_group/``.
    :param retry_after: seconds to wait, from the response's ``Retry-After``, or None.
    :param ambiguous: the request may have been carried out although this error came back.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        endpoint: str | None = None,
        retry_after: float | None = None,
        ambiguous: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.endpoint = endpoint
        self.retry_after = retry_after
        self.ambiguous = ambiguous

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, self.__dict__


class ExploAuthError(ExploApiError):
    """401 or 403: the API token is missing, unknown, or may not do this."""


class ExploRefusedError(ExploApiError):
    """400, 404, 409, 422 or another 4xx, or ``success: 0``: Explo understood the request and refused it."""


class ExploEndpointGoneError(ExploApiError):
    """404, 405 or 410 of an endpoint that cannot mean "no such tenant": it fails for every tenant."""


class ExploRateLimitError(ExploApiError):
    """429: over the rate limit of this IP, until ``retry_timeout`` was over."""


class ExploUnavailableError(ExploApiError):
    """5xx, a timeout or a broken connection, until ``retry_timeout`` was over."""


class ExploProtocolError(ExploApiError):
    """Not Explo's documented response: a redirect, HTML, broken JSON, a missing token, another tenant's id."""


NON_RETRYABLE: tuple[type[ExploError], ...] = (
    ExploConfigError,
    ExploValidationError,
    ExploPlanRefusedError,
    ExploAuthError,
    ExploRefusedError,
    ExploEndpointGoneError,
    ExploProtocolError,
)
"""Errors that a retry cannot fix."""
