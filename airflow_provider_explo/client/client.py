"""ExploClient: a short method for each endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from types import TracebackType
from typing import Any

from airflow_provider_explo.client import endpoints, errors, parsing
from airflow_provider_explo.client.models import Request, Response, UserGroup
from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.client.retrying import OnResponse, RetryingTransport, RetryPolicy, ignore_response
from airflow_provider_explo.client.settings import ClientSettings
from airflow_provider_explo.exceptions import ExploConfigError, ExploEndpointGoneError, ExploRefusedError

MAX_PAGE_SIZE = 1000


class ExploClient:
    """A client of Explo: one connection pool, one request budget, one retry policy. Thread-safe.

    Each method raises an :class:`~airflow_provider_explo.exceptions.ExploApiError` of one kind or another when Explo
    does not do what was asked, and an ExploConfigError when settings for TLS or proxies are wrong.

    :param settings: where, with which token, how fast.
    :param max_in_flight: requests at once; the connection pool is as large.
    :param rate_limiter: the budget; by default one of its own, of the settings' requests_per_minute.
    :param retry: what is retried, and after how long.
    :param max_attempts: how often a request is sent at most. None: as often as ``retry`` and the settings'
        ``retry_timeout`` allow. 1: every error is raised at once, for a caller that retries by itself; the rate limiter
        is informed all the same, and the error's ``ambiguous`` says whether the request may have been carried out.
    :param on_response: takes, after each attempt and in its thread, the response's status (None where there was no
        response) and how many seconds it took.
    :raises ExploConfigError: the settings are wrong; the message names every mistake.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        max_in_flight: int = 1,
        rate_limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        max_attempts: int | None = None,
        on_response: OnResponse = ignore_response,
    ) -> None:
        problems = settings.problems()
        if problems:
            raise ExploConfigError("; ".join(problems))
        self.settings = settings
        self._rate_limiter = rate_limiter or RateLimiter(settings.requests_per_minute)
        self._transport = RetryingTransport(
            settings,
            max_in_flight=max_in_flight,
            rate_limiter=self._rate_limiter,
            retry=retry,
            max_attempts=max_attempts,
            on_response=on_response,
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

    @property
    def create_endpoint(self) -> str:
        """Method and path of :meth:`create_user_group`."""
        return f"POST {endpoints.create_path(self.settings.api)}"

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
        """
        request = endpoints.create(self.settings.api, {"user_group_id": user_group_id, **fields})
        return self._send_for_group(request, user_group_id=user_group_id, flag=f"new_{self._entity}")

    def update_user_group(self, *, user_group_id: str, **fields: Any) -> UserGroup:
        """Change the given fields of an existing group (``update_user_group`` or ``update_customer``).

        :param user_group_id: the tenant's id in your own database.
        :param fields: as for :meth:`create_user_group`; none is required. None: left as it is.
        :raises TypeError: a field is unknown.
        :raises ExploConfigError: the settings' ``api`` cannot carry a field; nothing was sent.
        """
        request = endpoints.update(self.settings.api, {"user_group_id": user_group_id, **fields})
        return self._send_for_group(request, user_group_id=user_group_id)

    def delete_user_group(self, *, current_token: str, user_group_id: str | None = None) -> None:
        """Delete the group that has this token (``delete_user_group`` or ``delete_customer``).

        Never sent again after an attempt that may have been carried out.

        :param user_group_id: whose it is, for messages.
        """
        request = endpoints.delete(self.settings.api, current_token, user_group_id)
        del current_token
        self._transport.send(request)

    def refresh_user_group_token(self, *, current_token: str, user_group_id: str | None = None) -> UserGroup:
        """Replace a group's token; the old one is invalid from then on.

        Never sent again after an attempt that may have been carried out.

        :param user_group_id: whose group must come back; None for any.
        """
        request = endpoints.refresh_token(self.settings.api, current_token, user_group_id)
        del current_token
        return self._send_for_group(request, user_group_id=user_group_id)

    def get_user_group(self, *, user_group_id: str) -> UserGroup:
        """Get one group (``get_customer``); changes nothing. How Explo responds to an unknown id is not documented."""
        return self._send_for_group(endpoints.get(user_group_id), key="customer", user_group_id=user_group_id)

    def list_user_groups(self, *, page_size: int = MAX_PAGE_SIZE) -> Iterator[UserGroup]:
        """Every group that the API token sees (``GET /v2/api/customers/``), as :meth:`pages` reads them."""
        return chain.from_iterable(self.pages(page_size=page_size))

    def pages(
        self, *, page_size: int = MAX_PAGE_SIZE, parent_provided_id: str | None = None, complete: bool = False
    ) -> Iterator[list[UserGroup]]:
        """The groups that the API token sees, a list for each page, each page one request, sent when it is needed.

        Explo may return smaller pages than asked for. The end is an empty page, the total that Explo names, or a page
        with nothing new: a server that ignores ``page`` repeats the first page, or the one before. What such pages
        repeat is left out. A group that is created or deleted while the list is read may be missed.

        :param page_size: groups per page, up to 1,000.
        :param parent_provided_id: only the children of this tenant.
        :param complete: a list that ends before its own total is an error, for a caller who takes what is missing in it
            for deleted.
        """
        # Not all ids seen so far, but a number for each page: memory stays flat, however long the list is.
        first: set[str] = set()
        previous: set[str] = set()
        read: set[int] = set()
        seen, total = 0, None
        for page in count(1):
            request = endpoints.list_page(page=page, page_size=page_size, parent_provided_id=parent_provided_id)
            try:
                response = self._transport.send(request)
            except (ExploRefusedError, ExploEndpointGoneError):
                # How Explo responds past the last page is not documented.
                if page > 1 and total is None:
                    return
                raise
            groups = self._check(request, response, parsing.parse_page(request, response))
            total = parsing.total_count(response)
            new = [group for group in groups if group.provided_id not in previous and group.provided_id not in first]
            if not new and complete and total is not None and seen < total:
                raise errors.incomplete_list(request, response.status, seen=seen, total=total)
            if not new:
                return
            previous = {group.provided_id for group in groups}
            if (page_hash := hash(frozenset(previous))) in read:
                raise parsing.unexpected_response(request, response, "the list of customers repeats an earlier page")
            read.add(page_hash)
            yield new
            first = first or previous
            seen += len({group.provided_id for group in new})
            if total is not None and seen >= total:
                return

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
        """
        options = {"embed_id": embed_id, "key_id": key_id, "expiration": expiration, "embed_origin": embed_origin}
        request = endpoints.generate_jwt(user_group_id, options)
        return parsing.parse_text(request, self._transport.send(request), "jwt")

    def list_group_tags(self) -> list[str]:
        """The names of all group tags (``group_tags``)."""
        request = endpoints.list_group_tags()
        return parsing.parse_group_tags(request, self._transport.send(request))

    def create_group_tag(self, *, name: str) -> None:
        """Create a group tag (``create_group_tag``). Explo refuses one that exists already.

        Never sent again after an attempt that may have been carried out.
        """
        self._transport.send(endpoints.create_group_tag(name))

    def probe(self) -> None:
        """One request that changes nothing, in one attempt: does this connection work?"""
        request = endpoints.list_page(page=1, page_size=1)
        response = self._transport.send_once(request)
        self._check(request, response, parsing.parse_page(request, response))

    @property
    def _entity(self) -> str:
        return endpoints.entity(self.settings.api)

    def _send_for_group(
        self, request: Request, *, key: str | None = None, user_group_id: str | None = None, flag: str | None = None
    ) -> UserGroup:
        response = self._transport.send(request)
        group = parsing.parse_user_group(
            request, response, key=key or self._entity, user_group_id=user_group_id, flag=flag
        )
        return self._check(request, response, [group])[0]

    def _check(self, request: Request, response: Response, groups: list[UserGroup]) -> list[UserGroup]:
        """Refuse a group whose token is the API token: saved as a tenant's, it would give everything away."""
        if any(group.token == self.settings.token for group in groups):
            raise parsing.unexpected_response(request, response, "a tenant's token is the API token")
        return groups
