"""The JWT that ``POST /api/generate_jwt/`` answers with: valid in form, signed with a key nobody else knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from typing import Any

from airflow_provider_explo.emulator.responses import Refusal

DEFAULT_LIFETIME = 24 * 60 * 60.0

_KEY = secrets.token_bytes(32)
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}W|(?=.)(?:{_NUMBER}D)?(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)", re.ASCII
)
_SECONDS = (7 * 86_400, 86_400, 3_600, 60, 1)


def lifetime(duration: str) -> float:
    """Seconds of an ISO-8601 duration such as ``PT1H``, ``P1DT12H`` or ``P2W``.

    Years and months have no fixed length and are refused (a guess), as is anything else, with Refusal.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise Refusal(400, "expiration must be an ISO-8601 duration, such as PT1H")
    seconds = sum(float(number) * unit for number, unit in zip(match.groups(), _SECONDS, strict=True) if number)
    if not 0 < seconds < 1e10:
        raise Refusal(400, "expiration must be longer than nothing, and within reason")
    return seconds


def sign(claims: dict[str, Any], *, seconds: float, key_id: str | None) -> str:
    """The claims, with ``iat`` and ``exp``, as a JWT signed by HS256. Explo's own claims are not documented."""
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
    signed = f"{_segment(header)}.{_segment({**claims, 'iat': now, 'exp': now + round(seconds)})}"
    signature = hmac.new(_KEY, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"


def _segment(document: dict[str, Any]) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
