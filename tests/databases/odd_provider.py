"""What Airflow asks a provider for; it imports nothing, since Airflow is not yet complete then."""

from __future__ import annotations

from typing import Any


def provider_info() -> dict[str, Any]:
    hook = {"hook-class-name": "tests.databases.odd.OddHook", "connection-type": "odd"}
    return {"package-name": "odd-databases", "name": "Odd", "description": "", "connection-types": [hook]}
