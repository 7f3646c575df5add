"""The operators of one tenant: create, update, delete, refresh its token."""

from __future__ import annotations

from airflow_provider_explo.operators.create import ExploCreateUserGroupOperator
from airflow_provider_explo.operators.delete import ExploDeleteUserGroupOperator
from airflow_provider_explo.operators.refresh import ExploRefreshUserGroupTokenOperator
from airflow_provider_explo.operators.update import ExploUpdateUserGroupOperator

__all__ = (
    "ExploCreateUserGroupOperator",
    "ExploDeleteUserGroupOperator",
    "ExploRefreshUserGroupTokenOperator",
    "ExploUpdateUserGroupOperator",
)
