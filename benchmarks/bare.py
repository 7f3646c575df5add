"""Explo without this package: a requests.Session, as anyone would use it. Imported in child processes only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
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


def customers(opened: requests.Session, url: str) -> Iterator[list[dict[str, Any]]]:
    """Read the list of customers, page by page."""
    headers = {"Content-Type": "application/json"}
    for page in count(1):
        query = {"page": page, "page_size": 1_000}
        response = opened.get(f"{url}/v2/api/customers/", params=query, headers=headers, timeout=30)
        response.raise_for_status()
        found = response.json()["results"]["customers"]
        if not found:
            return
        yield found
