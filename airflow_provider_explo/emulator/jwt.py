"""The JWT of ``POST /api/generate_jwt/``: a JWE in compact form, encrypted with a key of this process."""

from __future__ import annotations

import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from airflow_provider_explo.emulator.responses import ApiError

DEFAULT_LIFETIME = 24 * 60 * 60.0

_KEY = AESGCM(AESGCM.generate_key(256))
_KEY_ID = secrets.token_hex(16)
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}W|(?=.)(?:{_NUMBER}D)?(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)", re.ASCII
)
_SECONDS = (7 * 86_400, 86_400, 3_600, 60, 1)


def lifetime(duration: str) -> float:
    """Seconds of an ISO-8601 duration such as ``PT1H``, ``P1DT12H`` or ``P2W``.

    Years and months have no fixed length and are refused (a guess), as is anything else, with ApiError.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ApiError(400, "expiration must be an ISO-8601 duration, such as PT1H")
    seconds = sum(float(number) * unit for number, unit in zip(match.groups(), _SECONDS, strict=True) if number)
    if not 0 < seconds < 1e10:
        raise ApiError(400, "expiration must be longer than nothing, and within reason")
    return seconds


def encrypt(claims: dict[str, Any], *, seconds: float, key_id: str | None) -> str:
    """The claims, with ``iat`` and ``exp``, as a JWE whose key is used directly: its second part is empty."""
    now = int(time.time())
    header = _segment(json.dumps({"alg": "dir", "enc": "A256GCM", "kid": key_id or _KEY_ID}).encode())
    nonce = secrets.token_bytes(12)
    plain = json.dumps({**claims, "iat": now, "exp": now + round(seconds)}).encode()
    sealed = _KEY.encrypt(nonce, plain, header.encode())
    return f"{header}..{_segment(nonce)}.{_segment(sealed[:-16])}.{_segment(sealed[-16:])}"


def decrypt(token: str) -> dict[str, Any]:
    """The claims of a JWT that this process made. Raises ValueError for any other text."""
    try:
        header, _, nonce, *sealed = token.split(".")
        plain = _KEY.decrypt(_bytes(nonce), b"".join(map(_bytes, sealed)), header.encode())
    except (ValueError, InvalidTag):
        raise ValueError("not a JWT of this emulator") from None
    return dict(json.loads(plain))


def _segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "==")
