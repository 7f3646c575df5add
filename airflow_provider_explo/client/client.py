"""Explo's endpoints, a short method each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from airflow_provider_explo.client import parsing
from airflow_provider_explo.client.models import Request, UserGroup
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retrying import RetryingTransport, RetryPolicy
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.exceptions import ExploConfigError, message, preview
from airflow_provider_explo.tenants.tenant import FIELDS

MAX_PAGE_SIZE = 1000


class ExploClient:
    """A client of Explo: one connection pool, one request budget, one retry policy. Thread-safe.

    :param settings: where, with which token, how fast.
    :param max_in_flight: requests at once; the connection pool is as large.
    :param rate_limiter: the budget; by default one of its own, of the settings' requests_per_minute.
    :param retry: what is retried, and after how long.
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
        self._rate_limiter = rate_limiter or RateLimiter(settings.requests_per_minute)
        self._transport = RetryingTransport(
            settings, max_in_flight=max_in_flight, rate_limiter=self._rate_limiter, retry=retry
        )

    def __enter__(self) -> ExploClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def requests_per_minute(self) -> float:
        """The present pace: lower than the settings' after a 429."""
        return self._rate_limiter.rate * 60

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._transport.close()

    def create_user_group(self, *, user_group_id: str, **fields: Any) -> UserGroup:
        """Get or create a tenant's user group (``create_user_group`` or ``create_customer``).

        An existing group comes back unchanged, whatever was sent. Safe to send again. ::

            client.create_user_group(user_group_id="acme", name="Acme", mapping={"40": "213"})

        :param user_group_id: the tenant's id in your own database.
        :param fields: ``name`` (required), and any others of :data:`airflow_provider_explo.tenants.tenant.FIELDS`:
            ``mapping`` (schema id to data source), ``properties`` (any JSON object), … None: not sent.
        :raises TypeError: a field is unknown, or a required one is missing.
        :raises ExploConfigError: the settings' ``api`` cannot carry a field; nothing was sent.
        :raises ExploApiError: one of its kinds.
        """
        return self._send_fields("create", {"user_group_id": user_group_id, **fields})

    def update_user_group(self, *, user_group_id: str, **fields: Any) -> UserGroup:
        """Change the given fields of an existing group (``update_user_group`` or ``update_customer``).

        :param user_group_id: the tenant's id in your own database.
        :param fields: as for :meth:`create_user_group`; none is required. None: left as it is.
        :raises TypeError: a field is unknown.
        :raises ExploConfigError: the settings' ``api`` cannot carry a field; nothing was sent.
        :raises ExploApiError: one of its kinds.
        """
        return self._send_fields("update", {"user_group_id": user_group_id, **fields})

    def delete_user_group(self, *, current_token: str) -> None:
        """Delete the group that has this token (``delete_user_group`` or ``delete_customer``).

        Never sent again after an attempt that may have been carried out.

        :raises ExploApiError: one of its kinds.
        """
        request = self._token_request("DELETE", "delete", current_token)
        del current_token
        self._transport.send(request)

    def refresh_user_group_token(self, *, current_token: str) -> UserGroup:
        """Replace a group's token; the old one is invalid from then on.

        Never sent again after an attempt that may have been carried out.

        :raises ExploApiError: one of its kinds.
        """
        request = self._token_request("POST", "refresh", current_token, suffix="_token")
        del current_token
        return parsing.parse_user_group(request, self._transport.send(request), key=self._entity)

    def get_user_group(self, *, user_group_id: str) -> UserGroup:
        """Get one group (``get_customer``); changes nothing.

        :raises ExploApiError: one of its kinds; how Explo responds to an unknown id is not documented.
        """
        request = _tenant_request("/api/get_customer/", user_group_id, {"provided_id": user_group_id})
        response = self._transport.send(request)
        return parsing.parse_user_group(request, response, key="customer", user_group_id=user_group_id)

    def list_user_groups(self, *, page_size: int = MAX_PAGE_SIZE) -> Iterator[UserGroup]:
        """Every group that the API token sees (``GET /v2/api/customers/``), page by page.

        :raises ExploApiError: one of its kinds.
        """
        seen: set[str] = set()
        page = 1
        while True:
            request = _list_request(page=page, page_size=page_size)
            response = self._transport.send(request)
            new = [group for group in parsing.parse_page(request, response) if group.provided_id not in seen]
            seen.update(group.provided_id for group in new)
            yield from new
            total = parsing.total_count(response)
            if not new or (total is not None and len(seen) >= total):
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
        options = {"embed_id": embed_id, "key_id": key_id, "expiration": expiration, "embed_origin": embed_origin}
        request = _tenant_request(
            "/api/generate_jwt/", user_group_id, {"provided_id": user_group_id, **_drop_none(options)}
        )
        return parsing.parse_text(request, self._transport.send(request), "jwt")

    def probe(self) -> None:
        """One request that changes nothing, in one attempt: does this connection work?

        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploApiError: one of its kinds.
        """
        request = _list_request(page=1, page_size=1)
        parsing.parse_page(request, self._transport.send_once(request))

    @property
    def _entity(self) -> str:
        return "customer" if self.settings.api == "customer" else "user_group"

    def _send_fields(self, verb: str, values: Mapping[str, Any]) -> UserGroup:
        api, user_group_id = self.settings.api, values["user_group_id"]
        method, present = f"{verb}_user_group()", _drop_none(values)
        if unknown := [name for name in values if name not in FIELDS]:
            raise TypeError(f"{method}: unknown fields: {', '.join(unknown)}; known fields: {', '.join(FIELDS)}")
        required = [name for name, field in FIELDS.items() if field.required] if verb == "create" else ["user_group_id"]
        if missing := [name for name in required if name not in present]:
            raise TypeError(f"{method}: missing required fields: {', '.join(missing)}")
        if unsupported := [name for name in present if api not in FIELDS[name].apis]:
            summary = f"{_subject(user_group_id)}: api {api!r} cannot carry {', '.join(unsupported)}"
            raise ExploConfigError(message(summary, fix="set api: customer in the connection's extra"))
        # Only creating is documented below /embed/.
        prefix = "/embed" if api == "embed" and verb == "create" else "/api"
        body = {field.request_key(api): present[name] for name, field in FIELDS.items() if name in present}
        request = _tenant_request(f"{prefix}/{verb}_{self._entity}/", user_group_id, body)
        response = self._transport.send(request)
        flag = f"new_{self._entity}" if verb == "create" else None
        return parsing.parse_user_group(request, response, key=self._entity, user_group_id=user_group_id, flag=flag)

    def _token_request(self, method: str, verb: str, current_token: str, *, suffix: str = "") -> Request:
        return Request(
            method=method,
            path=f"/api/{verb}_{self._entity}{suffix}/",
            body={"current_token": current_token},
            repeatable=False,
        )


def _drop_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _subject(user_group_id: str) -> str:
    return f"tenant {preview(user_group_id)}"


def _tenant_request(path: str, user_group_id: str, body: Mapping[str, Any]) -> Request:
    return Request(method="POST", path=path, body=body, subject=_subject(user_group_id))


def _list_request(*, page: int, page_size: int) -> Request:
    # Explo's documentation spells the size both ways.
    query = {"page": page, "page_size": page_size, "pageSize": page_size}
    return Request(method="GET", path="/v2/api/customers/", query=query, has_success=False)
