"""A request to Explo, its response, and a user group. Tokens never show in a repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from airflow_provider_explo.json_values import storable


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request to one endpoint.

    :param method: HTTP method.
    :param path: below the base URL; ends in ``/``.
    :param body: JSON object to send, or None.
    :param query: URL query, or None.
    :param subject: what it is about, for messages, such as ``tenant 'acme'``.
    :param repeatable: sending it twice does no harm. Deleting and refreshing are not: their token is dead after the
        first time.
    :param has_success: Explo documents a ``success`` number in this endpoint's response.
    :param may_not_find: 404 and 410 may mean that the tenant is not there, and not that the endpoint is gone.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: Mapping[str, Any] | None = None
    subject: str = ""
    repeatable: bool = True
    has_success: bool = True
    may_not_find: bool = False

    @property
    def endpoint(self) -> str:
        """Method and path, as errors name it."""
        return f"{self.method} {self.path}"

    def __str__(self) -> str:
        return f"{self.subject}: {self.endpoint}" if self.subject else self.endpoint


@dataclass(frozen=True, kw_only=True)
class Response:
    """A 2xx response whose body is a JSON object.

    :param after_ambiguous: an earlier attempt at the same request may have been carried out.
    """

    status: int
    payload: Mapping[str, Any] = field(repr=False)
    after_ambiguous: bool = False


@dataclass(frozen=True, kw_only=True)
class UserGroup:
    """A tenant's user group (*customer* in Explo's newer API), as Explo returned it.

    :param provided_id: the tenant's id in the caller's own database.
    :param token: what the tenant's dashboards are rendered with: a secret.
    :param name: display name as stored, or None where the response had none.
    :param new_user_group: True: created by this request. False: it existed before. None: unknown, because an earlier
        attempt at the same request may have created it, or because the endpoint does not say.
    :param details: everything else in the response's object (``team_id``, ``properties``, …), without tokens.
    """

    provided_id: str
    token: str = field(repr=False)
    name: str | None = None
    new_user_group: bool | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def without_token(self) -> dict[str, Any]:
        """Everything but the token, as values that Airflow's XCom keeps.

        A number with more digits than a float has becomes text, since XCom would cut a Decimal to a float; the null
        character and broken Unicode become escapes, since PostgreSQL refuses them, after the requests.
        """
        return {
            "provided_id": storable(self.provided_id),
            "name": _for_xcom(self.name),
            **_for_xcom(self.details),
            "new_user_group": self.new_user_group,
        }


def _for_xcom(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {storable(key): _for_xcom(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_for_xcom(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return storable(value) if isinstance(value, str) else value
