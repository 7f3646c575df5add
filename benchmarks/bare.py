"""Explo without this package: a requests.Session, as anyone would use it. Imported in child processes only."""

from __future__ import annotations

from typing import Any

import requests


def session(token: str) -> requests.Session:
    """A session with the API token."""
    opened = requests.Session()
    opened.headers["Explo-Authorization"] = f"Token {token}"
    return opened


def post(opened: requests.Session, url: str, tenant: dict[str, Any]) -> requests.Response:
    """Get or create a tenant's user group."""
    return opened.post(f"{url}/embed/create_user_group/", json=tenant, timeout=30)
