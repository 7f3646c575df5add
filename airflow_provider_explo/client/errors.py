"""From what went wrong with one HTTP attempt to this package's errors: in words, without a body, without a token."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
import urllib3

from airflow_provider_explo.client.models import Request
from airflow_provider_explo.client.retry import parse_retry_after
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploAuthError,
    ExploConfigError,
    ExploError,
    ExploProtocolError,
    ExploRateLimitError,
    ExploRefusedError,
    ExploUnavailableError,
)

LATER = "the task may be run again later"
# What TLS says when the connection broke under it: nothing is wrong with anybody's certificate.
CUT_SHORT = ("EOF occurred", "UNEXPECTED_EOF", "Connection reset", "timed out", "Broken pipe")
UNUSABLE_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
)


def api_error(
    kind: type[ExploApiError],
    call: Request,
    words: str,
    *,
    status: int | None = None,
    retry_after: float | None = None,
    ambiguous: bool = False,
) -> ExploApiError:
    """Make an error that names tenant, endpoint and HTTP status."""
    told = f" (HTTP {status})" if status is not None else ""
    return kind(
        f"{call}{told}: {words}",
        status=status,
        endpoint=call.endpoint,
        retry_after=retry_after,
        ambiguous=ambiguous,
    )


def refusal(call: Request, response: requests.Response) -> ExploApiError | None:
    """The error that status line and headers already are, or None for a 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    retry_after = parse_retry_after(response.headers.get("Retry-After"))
    if 300 <= status < 400:
        words = (
            f"answered with a redirect to {_shown(response.headers.get('Location'))}, which is not followed, since the "
            "API token would go with it; correct the connection's host"
        )
        return api_error(ExploProtocolError, call, words, status=status)
    if status in (401, 403):
        words = (
            "Explo refused the API token; check it in the connection (its password), that it may write, and that it "
            "belongs to the right visibility group"
        )
        return api_error(ExploAuthError, call, words, status=status)
    if status == 429:
        words = (
            "over the rate limit of this IP; lower requests_per_minute in the connection, or let fewer tasks call "
            "Explo at once (an Airflow pool)"
        )
        return api_error(ExploRateLimitError, call, words, status=status, retry_after=retry_after)
    if 500 <= status < 600 or status == 408:
        words = f"Explo, or a gateway before it, is unavailable; {LATER}"
        return api_error(ExploUnavailableError, call, words, status=status, retry_after=retry_after, ambiguous=True)
    if not 400 <= status < 500:
        words = "answered with a status that HTTP does not have here; check the connection's host, gateways and proxies"
        return api_error(ExploProtocolError, call, words, status=status)
    words = (
        "Explo refused the request; check the tenant's data, the connection's host and its extra 'api' (the answer "
        "itself is not shown, because it may hold tokens)"
    )
    return api_error(ExploRefusedError, call, words, status=status)


def no_answer(call: Request, host: str, error: Exception) -> ExploError:
    """The error for an attempt that ended without a whole answer.

    DNS failures and refused connections are told by their text: requests puts both deep into one class.
    """
    text = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        if "failed: 407" in text:
            return ExploConfigError(f"{call}: the proxy wants a user name and a password; see the extra 'proxies'")
        return _unavailable(call, f"the proxy on the way to {host} cannot be reached, or lets nothing through")
    if _is_tls(error) and not any(words in text for words in CUT_SHORT):
        return ExploConfigError(
            f"{call}: TLS with {host} failed ({_tls_reason(text)}); if a gateway has its own certificate, name its "
            "CA bundle in the connection's extra 'verify'"
        )
    if isinstance(error, UNUSABLE_URL):
        return ExploConfigError(f"{call}: the connection's host or proxies are not usable URLs")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _unavailable(call, f"no connection to {host}: timed out (timeout)")
    if "NameResolutionError" in text or "Failed to resolve" in text:
        return _unavailable(call, f"DNS does not know {host}; check the connection's host")
    if "NewConnectionError" in text or "Failed to establish" in text:
        reason = "refused" if "refused" in text.lower() else "the network does not lead there"
        return _unavailable(call, f"no connection to {host}: {reason}; check the connection's host")
    if isinstance(error, requests.Timeout) or "timed out" in text.lower():
        return _unavailable(call, f"{host} did not answer in time (timeout)", ambiguous=True)
    return _unavailable(call, f"the connection to {host} broke", ambiguous=True)


def _unavailable(call: Request, words: str, *, ambiguous: bool = False) -> ExploApiError:
    return api_error(ExploUnavailableError, call, f"{words}; {LATER}", ambiguous=ambiguous)


def _is_tls(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.SSLError) or "TLS CA certificate bundle" in str(error)


def _shown(location: str | None) -> str:
    """A redirect's target, without what may be secret in it (user name, password, query), shortened."""
    if not location:
        return "nowhere (it names no Location)"
    try:
        url = urlsplit(location)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return "something that is not a URL"
    return ascii(((f"{url.scheme}://{url.hostname}{port}" if url.hostname else "") + url.path)[:200])


def _tls_reason(text: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate could not be verified"
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return "it does not speak TLS on that port"
    if "TLS CA certificate bundle" in text:
        return "the CA bundle that the environment names is not there"
    if "NO_CERTIFICATE_OR_CRL_FOUND" in text or "PEM lib" in text:
        return "the CA bundle holds no certificate"
    return "the handshake failed"
