"""Airflow's simple auth manager, but with one user who may read the runs of one DAG only."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class TestAuthManager(SimpleAuthManager):
    """``partial`` reads the DAG ``explo_sync_tenants``, ``powerless`` nothing."""

    def is_authorized_dag(
        self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None, **others: Any
    ) -> bool:
        if user.username == "partial" and details and details.id not in (None, "explo_sync_tenants"):
            return False
        return bool(
            super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details, **others)
        )
