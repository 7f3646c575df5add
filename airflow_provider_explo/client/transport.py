"""One HTTP attempt: base URL, headers, timeouts, TLS, proxies; whatever is not a valid Explo response is an error.

Some tools show the local variables of a traceback's frames. So no frame that raises here holds a token: functions that
know headers and bodies return an error as a value, and one that does not raises it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies, select_proxy

from airflow_provider_explo import json_values
from airflow_provider_explo.client.deadline import MAX_SOCKET_TIMEOUT, DeadlineAdapter, set_deadline
from airflow_provider_explo.client.errors import CHECK_HOST, api_error, connection_error, status_error
from airflow_provider_explo.client.models import Request, Response
from airflow_provider_explo.client.settings import ClientSettings, is_loopback
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploError,
    ExploProtocolError,
    ExploRefusedError,
    ExploValidationError,
    message,
)

BODY_LIMIT = 32 * 1024 * 1024
CHUNK_SIZE = 64 * 1024
# Some gateways name the charset there.
UNCOMPRESSED = ("", "identity", "utf-8", "utf8")
MIN_SOCKET_TIMEOUT = 0.001


class Transport:
    """A pool of kept-alive connections to one Explo, with the API token.

    :param pool_size: requests in flight at most.
    :param clock: monotonic seconds.
    """

    def __init__(
        self, settings: ClientSettings, *, pool_size: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._succeeded = False
        self._prepared: dict[tuple[str, str], requests.PreparedRequest] = {}
        self._http = _Session()
        self._http.trust_env = not _proxied_loopback(settings.base_url)
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        self._http.mount("https://", adapter)
        self._http.mount("http://", adapter)
        # An auth object, even one that does nothing, keeps requests from reading credentials out of ~/.netrc.
        self._http.auth = lambda request: request
        self._http.headers.update(
            {
                "Explo-Authorization": f"Token {settings.token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                # What is not compressed cannot be a bomb, and responses are small.
                "Accept-Encoding": "identity",
                "User-Agent": settings.user_agent,
            }
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def send(self, request: Request, *, time_left: float) -> Response:
        """Send a request once.

        :param time_left: seconds after which to give up.
        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploValidationError: the body is not JSON, such as a NaN in it; nothing was sent.
        :raises ExploApiError: one of its kinds, for everything but a 2xx response that is a JSON object.
        """
        set_deadline(time_left)
        try:
            outcome = self._send(request, time_left)
        except BaseException as error:
            # Ctrl-C, or Airflow's timeout of a task: the frames that it interrupted hold the token.
            raise error.with_traceback(None) from None
        if isinstance(outcome, ExploError):
            raise outcome
        return outcome

    def _send(self, request: Request, time_left: float) -> Response | ExploError:
        deadline = self._clock() + time_left
        try:
            data = None if request.body is None else json_values.dumps(request.body)
        except (TypeError, ValueError) as error:
            fix = "correct the tenant's data; nothing was sent"
            return ExploValidationError(message(f"{request}: cannot be written as JSON: {error}", fix=fix))
        try:
            with self._http.send(
                self._prepare(request, data),
                timeout=max(min(self._settings.timeout, time_left, MAX_SOCKET_TIMEOUT), MIN_SOCKET_TIMEOUT),
                allow_redirects=False,
                **self._environment,
            ) as response:
                body = status_error(request, response) or self._read(request, response, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            host = urlsplit(self._settings.base_url).netloc
            return connection_error(request, host, error, tls_worked=self._succeeded)
        outcome = body if isinstance(body, ExploError) else _parse(request, response.status_code, body)
        self._succeeded = self._succeeded or isinstance(outcome, Response)
        return outcome

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """What settings and environment say about TLS and proxies: the same for each request."""
        settings = self._settings
        # Not the session's verify: REQUESTS_CA_BUNDLE would override that.
        return dict(
            self._http.merge_environment_settings(
                settings.base_url, dict(settings.proxies or {}), True, settings.verify, None
            )
        )

    def _prepare(self, request: Request, data: str | None) -> requests.PreparedRequest:
        """Add body and query to the endpoint's request, which is prepared once: that takes as long as sending it."""
        endpoint = request.method, request.path
        if endpoint not in self._prepared:
            url = self._settings.base_url.rstrip("/") + request.path
            self._prepared[endpoint] = self._http.prepare_request(requests.Request(request.method, url))
        prepared = self._prepared[endpoint].copy()
        if request.query:
            prepared.prepare_url(prepared.url, request.query)
        if data is not None:
            prepared.prepare_body(data, None)
        return prepared

    def _read(self, request: Request, response: requests.Response, deadline: float) -> bytes | ExploApiError:
        status = response.status_code
        if response.headers.get("Content-Encoding", "").strip().lower() not in UNCOMPRESSED:
            return _protocol_error(request, status, "the response is compressed, which was not asked for")
        body = bytearray()
        # urllib3 notices a body shorter than announced: IncompleteRead.
        while chunk := response.raw.read1(CHUNK_SIZE):
            body += chunk
            if len(body) > BODY_LIMIT:
                return _protocol_error(request, status, f"the response is larger than {BODY_LIMIT >> 20} MiB")
            if self._clock() > deadline:
                raise TimeoutError("timed out")
        return bytes(body)


def _parse(request: Request, status: int, body: bytes) -> Response | ExploApiError:
    try:
        payload: Any = json_values.loads(body.decode("utf-8-sig"))
    except ValueError:
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "not valid JSON"
        return _protocol_error(request, status, f"the response is {kind}")
    if not isinstance(payload, dict):
        return _protocol_error(request, status, "the response is JSON, but not an object")
    if request.has_success or "success" in payload:
        success = payload.get("success")
        if success == 0 and isinstance(success, (int, float)):
            summary, fix = (
                "Explo rejected the request (success: 0)",
                "check the tenant's data and the ids in its mapping",
            )
            return api_error(ExploRefusedError, request, summary, fix=fix, status=status)
        if success != 1 or isinstance(success, bool):
            return _protocol_error(request, status, "the response does not contain success: 1; ignored")
    return Response(status=status, payload=payload)


def _protocol_error(request: Request, status: int, summary: str) -> ExploApiError:
    return api_error(ExploProtocolError, request, summary, fix=CHECK_HOST, status=status)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even with ``allow_redirects=False``, requests reads a redirect's body, without a limit."""


def _proxied_loopback(base_url: str) -> bool:
    """Whether the environment would send plain http to this machine through a proxy on another one."""
    url = urlsplit(base_url)
    if url.scheme != "http" or not is_loopback(url):
        return False
    proxy = select_proxy(base_url, get_environ_proxies(base_url))
    return proxy is not None and not is_loopback(urlsplit(proxy if "://" in proxy else f"http://{proxy}"))
