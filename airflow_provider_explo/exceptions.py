"""Everything that this package raises on purpose.

ExploError
├── ExploConfigError          the connection, or a JSON Schema of the team's own, is wrong
├── ExploValidationError      the tenant's data is wrong: .problems
└── ExploApiError             Explo's answer: .status, .endpoint, .retry_after
    ├── ExploAuthError            401, 403
    ├── ExploRefusedError         400, 404, 409, 422, success: 0
    ├── ExploRateLimitError       429
    ├── ExploUnavailableError     5xx, time-outs, broken connections
    └── ExploProtocolError        not the documented shape

Trying again can mend ExploRateLimitError and ExploUnavailableError, and none of the others. A message says what
happened, to which tenant, at which endpoint, and what to do; it never holds a body or a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_explo.tenants.problem import Problem


class ExploError(Exception):
    """The root of the tree."""


class ExploConfigError(ExploError):
    """The Airflow connection, or a JSON Schema of the team's own, is wrong."""


class ExploValidationError(ExploError):
    """The tenant's data is wrong, and nothing was sent.

    :param message: every problem in words.
    :param problems: one :class:`~airflow_provider_explo.tenants.problem.Problem` a mistake.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, tuple(problems))
        self.problems: tuple[Problem, ...] = tuple(problems)

    def __str__(self) -> str:
        return str(self.args[0])


class ExploApiError(ExploError):
    """Explo answered with an error, with something else, or not at all.

    :param message: in words.
    :param status: HTTP status, or None where there was no answer.
    :param endpoint: method and path, such as ``POST /embed/create_user_group/``.
    :param retry_after: seconds that the answer asked to wait, or None.
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
    """400, 404, 409, 422 or another 4xx, or ``success: 0``: Explo understood and said no."""


class ExploRateLimitError(ExploApiError):
    """429: over the request budget of this IP, still so when the time for trying again was over."""


class ExploUnavailableError(ExploApiError):
    """5xx, a time-out or a broken connection, still so when the time for trying again was over."""


class ExploProtocolError(ExploApiError):
    """Not Explo's documented answer: a redirect, HTML, broken JSON, a missing token, another tenant's id."""


LASTING: tuple[type[ExploError], ...] = (
    ExploConfigError,
    ExploValidationError,
    ExploAuthError,
    ExploRefusedError,
    ExploProtocolError,
)
"""What trying again cannot mend."""
