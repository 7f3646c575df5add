"""API tokens: which visibility group a client sees, and whether it may write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_explo.emulator.responses import ApiError

HEADER = "Explo-Authorization"


@dataclass(frozen=True)
class ApiToken:
    """An API token that the emulator accepts.

    It sees only the customers of its ``visibility_group`` and creates into it. ``environment_tag`` is the label of
    that group: ids are unique among all groups with the same label. How a label is set at Explo is not documented.
    """

    value: str = field(repr=False)
    visibility_group: str = "production"
    read_only: bool = False
    environment_tag: Literal["Customer", "Testing"] = "Customer"

    def __post_init__(self) -> None:
        if not (self.value and self.value.isascii() and self.value.isprintable() and " " not in self.value):
            raise ValueError("an API token must be printable ASCII text without spaces, and not empty")
        if not self.visibility_group:
            raise ValueError("a visibility group needs a name")
        if self.environment_tag not in ("Customer", "Testing"):
            raise ValueError(f"environment_tag must be 'Customer' or 'Testing', not {self.environment_tag!r}")


class Authenticator:
    """Knows the API tokens, and finds the one in a request's header."""

    def __init__(self, tokens: Iterable[ApiToken]) -> None:
        self.tokens = tuple(tokens)
        self._by_header = {f"Token {token.value}": token for token in self.tokens}
        if len(self._by_header) < len(self.tokens):
            raise ValueError("duplicate API token")
        labels = {(token.visibility_group, token.environment_tag) for token in self.tokens}
        if len(labels) > len({group for group, _ in labels}):
            raise ValueError("one visibility group cannot be labelled both Customer and Testing")

    def authenticate(self, header: str | None, *, writes: bool) -> ApiToken:
        """The client's token. Raises ApiError: 401 and 403 are guesses, as Explo documents neither."""
        if header is None:
            raise ApiError(401, f"Authentication credentials were not provided: send {HEADER}: Token <api token>")
        token = self._by_header.get(header)
        if token is None:
            raise ApiError(401, f"Invalid token: {HEADER} must be the word Token, a space, and a known API token")
        if writes and token.read_only:
            raise ApiError(403, "This API token is read-only")
        return token

    def token_of(self, visibility_group: str) -> ApiToken:
        """A token of the visibility group. Raises ValueError if there is none."""
        for token in self.tokens:
            if token.visibility_group == visibility_group:
                return token
        raise ValueError(f"no API token belongs to the visibility group {visibility_group!r}")
