"""One tenant's group updated, deleted, or its token refreshed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_explo.operators.explo import (
    ExploDeleteUserGroupOperator,
    ExploRefreshUserGroupTokenOperator,
    ExploUpdateUserGroupOperator,
)
from tests.docs.provoke.stage import Stage, TaskInstance


def _run(operator: Any, **arguments: Any) -> Any:
    return operator(task_id="one", user_group_id="acme", **arguments).execute({"ti": TaskInstance()})


def absent(stage: Stage) -> Iterator[str]:
    """Explo has no such group."""
    yield stage.error(lambda: _run(ExploUpdateUserGroupOperator, name="Acme GmbH"))
    yield stage.error(lambda: _run(ExploRefreshUserGroupTokenOperator))


def parents(stage: Stage) -> Iterator[str]:
    """A group that has children is not deleted."""
    stage.emulator.add(provided_id="acme", name="Acme")
    stage.emulator.add(provided_id="bolt", name="Bolt", parent_provided_id="acme", hierarchy_level_name="User")
    yield stage.error(lambda: _run(ExploDeleteUserGroupOperator))


def nothing(stage: Stage) -> Iterator[str]:
    """An update of no field: an error when the DAG is parsed."""
    yield stage.error(lambda: ExploUpdateUserGroupOperator(task_id="one", user_group_id="acme"))
