"""The operators of one tenant: create, update, delete, refresh its token. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_explo.operators.create import ExploCreateUserGroupOperator
    from airflow_provider_explo.operators.delete import ExploDeleteUserGroupOperator
    from airflow_provider_explo.operators.refresh import ExploRefreshUserGroupTokenOperator
    from airflow_provider_explo.operators.update import ExploUpdateUserGroupOperator

_FILES = {
    "ExploCreateUserGroupOperator": "create",
    "ExploDeleteUserGroupOperator": "delete",
    "ExploRefreshUserGroupTokenOperator": "refresh",
    "ExploUpdateUserGroupOperator": "update",
}
__all__ = (
    "ExploCreateUserGroupOperator",
    "ExploDeleteUserGroupOperator",
    "ExploRefreshUserGroupTokenOperator",
    "ExploUpdateUserGroupOperator",
)


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    operator = globals()[name] = getattr(import_module(f"airflow_provider_explo.operators.{_FILES[name]}"), name)
    return operator
