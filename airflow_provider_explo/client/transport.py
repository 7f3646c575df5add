"""One HTTP attempt: base URL, header, time-outs, TLS, proxies, and everything that is not Explo's answer refused.

Some tools show the local variables of a traceback's frames. So no frame that raises here holds a token: a failure is
returned as a value by the functions that know headers and bodies, and raised by one that does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies, select_proxy

from airflow_provider_explo import json_values
from airflow_provider_explo.client.deadline import TimedAdapter, deadline
from airflow_provider_explo.client.errors import LATER, api_error, no_answer, refusal
from airflow_provider_explo.client.models import Request, Response
from airflow_provider_explo.client.settings import ClientSettings, is_loopback
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploError,
    ExploProtocolError,
    ExploRefusedError,
    ExploUnavailableError,
    ExploValidationError,
)

BODY_LIMIT = 32 * 1024 * 1024
PIECE = 64 * 1024
LONGEST_SOCKET_WAIT = 24 * 3600.0
SHORTEST_SOCKET_WAIT = 0.001


class Transport:
    """A kept-alive connection pool to one Explo, with the API token.

    :param pool_size: calls in flight at most.
    :param clock: monotonic seconds.
    """

    def __init__(
        self, settings: ClientSettings, *, pool_size: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._http = _Session()
        self._http.trust_env = not _strays(settings.base_url)
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = TimedAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        self._http.mount("https://", adapter)
        self._http.mount("http://", adapter)
        # An auth object, even one that does nothing, keeps requests from reading credentials out of ~/.netrc.
        self._http.auth = _no_auth
        self._http.headers.update(
            {
                "Explo-Authorization": f"Token {settings.token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                # What is not compressed cannot be a bomb, and answers are small.
                "Accept-Encoding": "identity",
                "User-Agent": settings.user_agent,
            }
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def attempt(self, call: Request, *, time_left: float) -> Response:
        """Send a call once.

        :param time_left: seconds after which to give up.
        :raises ExploConfigError: TLS or proxy settings are wrong.
        :raises ExploValidationError: the body is not JSON, such as a NaN in it; nothing was sent.
        :raises ExploApiError: one of its kinds, for everything but a 2xx answer that is a JSON object.
        """
        try:
            with deadline(time_left):
                outcome = self._attempt(call, time_left)
        except BaseException as error:
            # Ctrl-C, or Airflow's time-out of a task: the frames that it struck hold the token.
            raise error.with_traceback(None) from None
        if isinstance(outcome, ExploError):
            raise outcome
        return outcome

    def _attempt(self, call: Request, time_left: float) -> Response | ExploError:
        ends = self._clock() + time_left
        try:
            data = None if call.body is None else json_values.dumps(call.body)
        except (TypeError, ValueError) as error:
            return ExploValidationError(f"{call}: nothing was sent, since the data cannot be written as JSON: {error}")
        try:
            with self._http.request(
                call.method,
                self._settings.base_url.rstrip("/") + call.path,
                params=call.query,
                data=data,
                timeout=max(min(self._settings.timeout, time_left, LONGEST_SOCKET_WAIT), SHORTEST_SOCKET_WAIT),
                allow_redirects=False,
                stream=True,
                # Per request, because REQUESTS_CA_BUNDLE would override the session's.
                verify=self._settings.verify,
                proxies=dict(self._settings.proxies) if self._settings.proxies else None,
            ) as response:
                refused = refusal(call, response)
                if refused is not None:
                    return refused
                body = self._read(call, response, ends)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return no_answer(call, urlsplit(self._settings.base_url).netloc, error)
        return body if isinstance(body, ExploError) else _parse(call, response.status_code, body)

    def _read(self, call: Request, response: requests.Response, ends: float) -> bytes | ExploApiError:
        status = response.status_code
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            words = "the answer is compressed, which was not asked for; check gateways and proxies before Explo"
            return api_error(ExploProtocolError, call, words, status=status)
        body = bytearray()
        # A body shorter than announced is urllib3's to notice: IncompleteRead.
        while piece := response.raw.read1(PIECE):
            body += piece
            if len(body) > BODY_LIMIT:
                words = f"the answer is larger than {BODY_LIMIT >> 20} MiB; check the connection's host"
                return api_error(ExploProtocolError, call, words, status=status)
            if self._clock() > ends:
                words = f"the answer did not end in time (timeout); {LATER}"
                return api_error(ExploUnavailableError, call, words, status=status, ambiguous=True)
        return bytes(body)


def _parse(call: Request, status: int, body: bytes) -> Response | ExploApiError:
    try:
        payload: Any = json_values.loads(body.decode("utf-8"))
    except ValueError:
        looks = "an HTML page" if body.lstrip()[:1] == b"<" else "no valid JSON"
        words = f"the answer is {looks}, so it is not Explo's; check the connection's host, and gateways and proxies"
        return api_error(ExploProtocolError, call, words, status=status)
    if not isinstance(payload, dict):
        words = "the answer is JSON, but not an object; check the connection's host"
        return api_error(ExploProtocolError, call, words, status=status)
    if call.has_success or "success" in payload:
        success = payload.get("success")
        if success == 0 and isinstance(success, (int, float)):
            words = "Explo refused the request (success: 0); check the tenant's data and the ids in its mapping"
            return api_error(ExploRefusedError, call, words, status=status)
        if success != 1 or isinstance(success, bool):
            words = "the answer does not say success: 1, so nothing of it is believed; check the connection's host"
            return api_error(ExploProtocolError, call, words, status=status)
    return Response(status=status, payload=payload)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where it is told to follow no redirect, requests reads its body, without a limit."""


def _strays(base_url: str) -> bool:
    """Whether the environment would send plain http to this machine over a proxy on another one."""
    url = urlsplit(base_url)
    if url.scheme != "http" or not is_loopback(url):
        return False
    proxy = select_proxy(base_url, get_environ_proxies(base_url))
    return proxy is not None and not is_loopback(urlsplit(proxy if "://" in proxy else f"http://{proxy}"))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
