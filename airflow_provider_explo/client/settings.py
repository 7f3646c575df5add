"""A client's settings: where Explo is, with which token, how fast, and for how long it retries."""

from __future__ import annotations

import ipaddress
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from airflow_provider_explo import __version__
from airflow_provider_explo.exceptions import preview

DEFAULT_BASE_URL = "https://api.explo.co"
APIS = ("embed", "user_group", "customer")
USER_AGENT = f"airflow-provider-explo/{__version__} python/{platform.python_version()}"


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Settings of an :class:`~airflow_provider_explo.client.client.ExploClient`; its repr shows no secret.

    :param token: the Explo API token, without the word ``Token``.
    :param base_url: scheme, host, and optionally port and path prefix.
    :param api: which family of endpoints creates: ``embed``, ``user_group`` or ``customer``.
    :param requests_per_minute: the request budget of this IP (180 at Explo since 2025-02-19).
    :param timeout: seconds, for connecting and for each read.
    :param retry_timeout: seconds after which one request is given up, retries and waits included.
    :param verify: True, False, or the path of a CA bundle.
    :param proxies: as requests takes them; None for those of the environment.
    :param allow_http: send the token over plain http to a host that is not loopback.
    """

    token: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    api: str = "embed"
    requests_per_minute: float = 180
    timeout: float = 30
    retry_timeout: float = 300
    verify: bool | str = True
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    allow_http: bool = False
    user_agent: str = USER_AGENT

    def problems(self) -> list[str]:
        """Every mistake in these settings, as text for an error message."""
        problems = [*_token_problems(self.token), *self._url_problems()]
        if self.api not in APIS:
            problems.append(f"api: expected one of {', '.join(APIS)}, found {preview(self.api)}")
        for name in ("requests_per_minute", "timeout", "retry_timeout"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < math.inf:
                problems.append(f"{name}: expected a number above 0, found {preview(number)}")
        if isinstance(self.verify, str) and not os.path.exists(self.verify):
            problems.append(f"verify: no CA bundle at {self.verify!r} on this machine")
        return problems

    def _url_problems(self) -> list[str]:
        try:
            url = urlsplit(self.base_url)
            host, _ = url.hostname, url.port
        except ValueError:
            return ["host: not a URL; expected for instance https://api.explo.co"]
        if url.username is not None or url.password is not None:
            return ["host: contains a user name or a password; the API token belongs in the password field"]
        if (
            url.scheme not in ("http", "https")
            or not host
            # The original text: urlsplit drops line breaks and tabs, and whoever sends the request may not.
            or any(c.isspace() or not c.isprintable() for c in self.base_url)
        ):
            return [f"host: expected an http(s) URL such as https://api.explo.co, found {preview(self.base_url)}"]
        if "?" in self.base_url or "#" in self.base_url:
            return ["host: a base URL has neither a query (?) nor a fragment (#)"]
        if url.scheme == "http" and not (self.allow_http or is_loopback(url)):
            return [
                f"host: {url.scheme}://{url.netloc} would send the API token unencrypted; "
                "use https, or set the extra allow_http to true if that network is trusted"
            ]
        return []


def is_loopback(url: SplitResult) -> bool:
    """Whether a URL's host is this machine, by its name alone (nothing is looked up)."""
    host = url.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token_problems(token: str) -> list[str]:
    if not token:
        return ["password: the Explo API token is missing"]
    if token.lower().startswith("token "):
        return ["password: enter the API token alone; the provider adds the word 'Token' before it"]
    if not all("!" <= character <= "~" for character in token):
        return ["password: the API token contains a space, a line break or another invalid character"]
    return []
