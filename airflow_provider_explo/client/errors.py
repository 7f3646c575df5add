"""How one HTTP attempt failed, as this package's errors: without a body, without a token."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
import urllib3

from airflow_provider_explo.client.models import Request
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploAuthError,
    ExploConfigError,
    ExploEndpointGoneError,
    ExploError,
    ExploProtocolError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
    message,
)

MAX_RETRY_AFTER = 3600.0
RETRY_LATER = "retry later"
CHECK_HOST = "check the connection's host, and any proxy or gateway in between"
# What TLS reports when the connection broke under it: no certificate is wrong.
BROKEN_CONNECTION = ("EOF occurred", "UNEXPECTED_EOF", "Connection reset", "timed out", "Broken pipe")
UNTRUSTED = "its certificate could not be verified"
UNUSABLE_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
)


def api_error(
    kind: type[ExploApiError],
    request: Request,
    summary: str,
    *,
    fix: str | None = None,
    status: int | None = None,
    retry_after: float | None = None,
    ambiguous: bool = False,
) -> ExploApiError:
    """Make an error that names tenant, endpoint and HTTP status."""
    text = message(f"{request}: {f'HTTP {status}, ' if status is not None else ''}{summary}", fix=fix)
    return kind(text, status=status, endpoint=request.endpoint, retry_after=retry_after, ambiguous=ambiguous)


def status_error(request: Request, response: requests.Response) -> ExploApiError | None:
    """The error that status line and headers already are, or None for a 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    kind: type[ExploApiError] = ExploProtocolError
    retry_after = parse_retry_after(response.headers.get("Retry-After"), date=response.headers.get("Date"))
    if 300 <= status < 400:
        target, host = _redirect_target(response.headers.get("Location"))
        summary = f"redirect to {target} not followed"
        fix = "correct the connection's host; following would send the API token along"
        if host == "omni.co" or host.endswith(".omni.co"):
            kind = ExploEndpointGoneError
            summary, fix = f"Explo has been retired: redirect to {target}", "stop sending; Explo's successor is Omni"
    elif status in (401, 403) and _is_html(response):
        summary = "an HTML page, so from something in front of Explo, which blocks this request"
        fix = "let this machine through that gateway, firewall or bot protection"
    elif status in (401, 403):
        kind, summary = ExploAuthError, "Explo rejected the API token"
        fix = "check the connection's password, that it may write, and its visibility group"
    elif status == 429:
        kind, summary = ExploRateLimitError, "over the rate limit of this IP"
        fix = "lower requests_per_minute, or limit parallel tasks with an Airflow pool"
    elif 500 <= status < 600 or status == 408:
        kind, summary = ExploUnavailableError, "Explo or a gateway in front of it is unavailable"
        fix = RETRY_LATER
    elif status == 405 or (status in (404, 410) and not request.may_not_find):
        kind, summary = ExploEndpointGoneError, "this endpoint does not exist"
        fix = "check the connection's host; Explo may have been switched off"
        if "user_group" in request.path:
            fix = "set api: customer in the connection's extra; this endpoint is deprecated"
    elif status in (404, 410):
        kind, summary = ExploRefusedError, "not found in Explo"
        fix = "check the tenant's id or token, and the API token's visibility group"
    elif 400 <= status < 500:
        kind, summary = ExploRefusedError, "Explo rejected the request"
        fix = "check the tenant's data, and the connection's host and extra 'api'"
    else:
        summary, fix = "unexpected HTTP status", CHECK_HOST
    ambiguous = kind is ExploUnavailableError
    return api_error(kind, request, summary, fix=fix, status=status, retry_after=retry_after, ambiguous=ambiguous)


def connection_error(request: Request, host: str, error: Exception, *, tls_worked: bool = False) -> ExploError:
    """The error for an attempt that ended without a whole response.

    :param tls_worked: an earlier request succeeded, so no setting is wrong: a TLS error will pass.

    DNS failures and refused connections are recognized by their text: requests puts both deep into one class.
    """
    text = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        if "failed: 407" in text:
            return _config_error(
                request, "the proxy requires a user name and password", fix="add them to the extra 'proxies'"
            )
        return _unavailable(request, f"the proxy for {host} is unreachable or refuses the connection")
    if _is_tls(error) and not any(words in text for words in BROKEN_CONNECTION):
        reason = _tls_reason(text)
        if tls_worked:
            # A certificate is checked before anything is sent; another TLS error may come later.
            return _unavailable(request, f"TLS with {host} failed: {reason}", ambiguous=reason != UNTRUSTED)
        fix = "for a gateway's own certificate, set the extra 'verify' to its CA bundle"
        return _config_error(request, f"TLS with {host} failed: {reason}", fix=fix)
    if "dependencies for SOCKS" in text:
        return _config_error(request, "a SOCKS proxy needs PySocks", fix="pip install pysocks")
    if isinstance(error, UNUSABLE_URL):
        return _config_error(request, "invalid URL", fix="correct the connection's host or its extra 'proxies'")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _unavailable(request, f"cannot connect to {host}: timed out (timeout)")
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return _unavailable(request, f"cannot resolve {host}", fix="check the connection's host")
    if "NewConnectionError" in text or "Failed to establish" in text:
        reason = "connection refused" if "refused" in text.lower() else "network unreachable"
        return _unavailable(request, f"cannot connect to {host}: {reason}", fix="check the connection's host")
    if isinstance(error, requests.Timeout) or "timed out" in text.lower():
        return _unavailable(request, f"no response from {host} in time (timeout)", ambiguous=True)
    return _unavailable(request, f"the connection to {host} broke", ambiguous=True)


class IncompleteListError(ExploUnavailableError):
    """A list that ends before its own total."""


def incomplete_list(request: Request, status: int, *, seen: int, total: int) -> ExploApiError:
    """The error for a list that ends before its own total."""
    summary = f"the list of customers ended after {seen:,} of {total:,}"
    return api_error(IncompleteListError, request, summary, fix=RETRY_LATER, status=status)


def parse_retry_after(
    value: str | None, *, date: str | None = None, now: Callable[[], datetime] | None = None
) -> float | None:
    """Seconds asked for by a ``Retry-After`` header (seconds or HTTP date), between 0 and an hour.

    :param date: the response's ``Date`` header, from which a date counts: this machine's clock may be wrong.
    :param now: the time where there is no such header.
    :returns: None without a header, or for one that cannot be read.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), MAX_RETRY_AFTER)
    moment = _parse_date(text)
    if moment is None:
        return None
    current = _parse_date(date or "") or (now() if now else datetime.now(timezone.utc))
    return min(max((moment - current).total_seconds(), 0.0), MAX_RETRY_AFTER)


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _is_html(response: requests.Response) -> bool:
    """Whether a response is a web page; its body is looked at only where the headers leave it open."""
    content_type = response.headers.get("Content-Type", "").lower()
    if "html" in content_type or "json" in content_type:
        return "html" in content_type
    with suppress(OSError, urllib3.exceptions.HTTPError):
        return bool(response.raw.read1(64).lstrip()[:1] == b"<")
    return False


def _config_error(request: Request, summary: str, *, fix: str) -> ExploConfigError:
    return ExploConfigError(message(f"{request}: {summary}", fix=fix))


def _unavailable(request: Request, summary: str, *, fix: str = RETRY_LATER, ambiguous: bool = False) -> ExploApiError:
    return api_error(ExploUnavailableError, request, summary, fix=fix, ambiguous=ambiguous)


def _is_tls(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.SSLError) or "TLS CA certificate bundle" in str(error)


def _redirect_target(location: str | None) -> tuple[str, str]:
    """A redirect's target, shortened, without what may be secret in it (user name, password, query); and its host."""
    if not location:
        return "nowhere (no Location)", ""
    try:
        url = urlsplit(location)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return "something that is not a URL", ""
    host = url.hostname or ""
    return ascii(((f"{url.scheme}://{host}{port}" if host else "") + url.path)[:200]), host


def _tls_reason(text: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return UNTRUSTED
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return "it does not speak TLS on that port"
    if "TLS CA certificate bundle" in text:
        return "the CA bundle that the environment names is missing"
    if "NO_CERTIFICATE_OR_CRL_FOUND" in text or "PEM lib" in text:
        return "the CA bundle holds no certificate"
    return "handshake failed"
