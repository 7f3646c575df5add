"""Explo's endpoints, a short method each, over one paced and retried call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from airflow_provider_explo.client import parsing
from airflow_provider_explo.client.models import Request, UserGroup
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retry import RetryPolicy
from airflow_provider_explo.client.retrying import Caller
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.exceptions import ExploConfigError

MAX_PAGE_SIZE = 1000


class ExploClient:
    """Calls Explo: one connection pool, one budget, one rule for trying again. Safe to share between threads.

    :param settings: where, with which token, how fast.
    :param max_in_flight: calls at once; the connection pool is as large.
    :param rate_limiter: the budget; by default one of its own, of the settings' requests_per_minute.
    :param retry: what is tried again.
    :raises ExploConfigError: the settings are wrong; the message names every mistake.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        max_in_flight: int = 1,
        rate_limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        problems = settings.problems()
        if problems:
            raise ExploConfigError("; ".join(problems))
        self.settings = settings
        self._pacer = rate_limiter or RateLimiter(settings.requests_per_minute)
        self._caller = Caller(settings, max_in_flight=max_in_flight, rate_limiter=self._pacer, retry=retry)

    def __enter__(self) -> ExploClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def requests_per_minute(self) -> float:
        """The pace at present."""
        return self._pacer.rate * 60

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._caller.close()

    def create_user_group(
        self,
        *,
        user_group_id: str,
        name: str,
        mapping: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> UserGroup:
        """Get or create a tenant's user group (``create_user_group`` or ``create_customer``).

        An existing group comes back unchanged, whatever was sent. Safe to send again.

        :param mapping: schema id to data source, for instance ``{"40": "213"}``.
        :param properties: any JSON object.
        :raises ExploApiError: one of its kinds.
        """
        return self._change("create", user_group_id, {"name": name, "mapping": mapping, "properties": properties})

    def update_user_group(
        self,
        *,
        user_group_id: str,
        name: str | None = None,
        mapping: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> UserGroup:
        """Change what is given of an existing group (``update_user_group`` or ``update_customer``).

        :raises ExploApiError: one of its kinds.
        """
        return self._change("update", user_group_id, {"name": name, "mapping": mapping, "properties": properties})

    def delete_user_group(self, *, current_token: str) -> None:
        """Delete the group that has this token (``delete_user_group`` or ``delete_customer``).

        Never sent again after an attempt that may have been carried out.

        :raises ExploApiError: one of its kinds.
        """
        call = self._token_call("DELETE", "delete", current_token)
        del current_token
        self._caller.call(call)

    def refresh_user_group_token(self, *, current_token: str) -> UserGroup:
        """Replace a group's token; the old one is dead from then on.

        Never sent again after an attempt that may have been carried out.

        :raises ExploApiError: one of its kinds.
        """
        call = self._token_call("POST", "refresh", current_token, suffix="_token")
        del current_token
        return parsing.user_group(call, self._caller.call(call), key=self._entity, provided_id=None)

    def get_user_group(self, *, user_group_id: str) -> UserGroup:
        """Read one group (``get_customer``), and change nothing.

        :raises ExploApiError: one of its kinds; how Explo answers for an unknown id is not documented.
        """
        call = Request(
            method="POST", path="/api/get_customer/", body={"provided_id": user_group_id}, about=_tenant(user_group_id)
        )
        return parsing.user_group(call, self._caller.call(call), key="customer", provided_id=user_group_id)

    def list_user_groups(self, *, page_size: int = MAX_PAGE_SIZE) -> Iterator[UserGroup]:
        """Every group that the API token sees (``GET /v2/api/customers/``), page by page.

        :raises ExploApiError: one of its kinds.
        """
        seen: set[str] = set()
        page = 1
        while True:
            call = _list_call(page=page, page_size=page_size)
            answer = self._caller.call(call)
            fresh = [group for group in parsing.user_groups(call, answer) if group.provided_id not in seen]
            seen.update(group.provided_id for group in fresh)
            yield from fresh
            total = parsing.total(answer)
            if not fresh or (total is not None and len(seen) >= total):
                return
            page += 1

    def generate_jwt(
        self,
        *,
        user_group_id: str,
        embed_id: str,
        key_id: str | None = None,
        expiration: str | None = None,
        embed_origin: str | None = None,
    ) -> str:
        """Make a short-lived JWT for embedding (``generate_jwt``): a secret.

        :param expiration: an ISO-8601 duration such as ``PT1H``; Explo's default is 24 hours.
        :raises ExploApiError: one of its kinds.
        """
        body = {"embed_id": embed_id, "key_id": key_id, "expiration": expiration, "embed_origin": embed_origin}
        call = Request(
            method="POST",
            path="/api/generate_jwt/",
            body={"provided_id": user_group_id, **_given(body)},
            about=_tenant(user_group_id),
        )
        return parsing.text(call, self._caller.call(call), "jwt")

    def probe(self) -> None:
        """One call that changes nothing, tried once: does this connection work?

        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploApiError: one of its kinds.
        """
        call = _list_call(page=1, page_size=1)
        parsing.user_groups(call, self._caller.once(call))

    @property
    def _entity(self) -> str:
        return "customer" if self.settings.api == "customer" else "user_group"

    def _change(self, verb: str, user_group_id: str, fields: Mapping[str, Any]) -> UserGroup:
        id_field = "provided_id" if self._entity == "customer" else "user_group_id"
        # Only creating is documented below /embed/.
        prefix = "/embed" if self.settings.api == "embed" and verb == "create" else "/api"
        call = Request(
            method="POST",
            path=f"{prefix}/{verb}_{self._entity}/",
            body={id_field: user_group_id, **_given(fields)},
            about=_tenant(user_group_id),
        )
        flag = f"new_{self._entity}" if verb == "create" else None
        return parsing.user_group(call, self._caller.call(call), key=self._entity, provided_id=user_group_id, flag=flag)

    def _token_call(self, method: str, verb: str, current_token: str, *, suffix: str = "") -> Request:
        return Request(
            method=method,
            path=f"/api/{verb}_{self._entity}{suffix}/",
            body={"current_token": current_token},
            repeatable=False,
        )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _tenant(user_group_id: str) -> str:
    return f"tenant {user_group_id!r}"


def _list_call(*, page: int, page_size: int) -> Request:
    # Explo's documentation spells the size both ways.
    query = {"page": page, "page_size": page_size, "pageSize": page_size}
    return Request(method="GET", path="/v2/api/customers/", query=query, has_success=False)
