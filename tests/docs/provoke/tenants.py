"""One tenant: its data, its group, its token."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from airflow_provider_explo.hooks.explo import ExploHook
from airflow_provider_explo.operators.base import log_result
from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.sync.run import Sync
from airflow_provider_explo.sync.shutdown import ShutdownSignal
from airflow_provider_explo.sync.upsert import Sent
from airflow_provider_explo.tenants.validation import TenantValidator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.docs.provoke.stage import Stage, TaskInstance

PLANS = {"required": ["plan"], "properties": {"plan": {"enum": ["free", "team"]}}}


def _create(**arguments: Any) -> Any:
    """Run the operator for one tenant, as Airflow does."""
    fields = {} if "tenant" in arguments else {"user_group_id": "acme", "name": "Acme"}
    operator = ExploCreateUserGroupOperator(task_id="create_user_group", **{**fields, **arguments})
    return operator.execute({"ti": TaskInstance()})


def _sent(name: str, *, if_exists: str) -> Sent:
    sync = Sync(
        lambda max_attempts: ExploHook().client(max_attempts=max_attempts),
        tokens=None,
        validator=TenantValidator(),
        if_exists=if_exists,
        signal=ShutdownSignal(),
        always_ask=True,
    )
    rows = [[{"user_group_id": "acme", "name": name}]]
    ((result,),) = filter(None, (results for results, _ in sync.run(rows)))
    assert result.sent is not None
    return result.sent


def mistakes(stage: Stage) -> Iterator[str]:
    """In a tenant's data."""
    rules = TenantValidator(properties_schema=PLANS)
    acme = {"user_group_id": "acme", "name": "Acme GmbH"}
    yield stage.error(
        lambda: rules.tenant(**{**acme, "name": ""}, mapping={"orders": 213}, properties={"plan": "gold"})
    )
    yield stage.error(lambda: rules.tenant(**acme, properties="{'plan': 'free'}"))
    yield stage.error(lambda: rules.tenant(**acme, properties={"text": "x" * 1024 * 1024}, mapping={}))
    yield stage.error(lambda: rules.tenant(**{**acme, "user_group_id": " acme"}, mapping={"40": ""}))


def schemas(stage: Stage) -> Iterator[str]:
    """In a user-supplied JSON Schema."""
    yield stage.error(
        lambda: TenantValidator(properties_schema={"$ref": "https://example.com/plan.json", "type": "text"})
    )
    yield stage.error(lambda: TenantValidator(properties_schema={"pattern": "(", "$ref": "#/$defs/plan"}))
    yield stage.error(lambda: TenantValidator(mapping_schema=str(stage.folder / "mapping.json")))


def groups(stage: Stage) -> Iterator[str]:
    """A group that existed before."""
    _create()
    yield stage.error(lambda: _create(if_exists="fail"))


def logged(stage: Stage) -> Iterator[str]:
    """What the log of the task says of the result."""
    log = logging.getLogger("documented")
    for name, if_exists in (("Acme", "keep"), ("Acme", "keep"), ("Acme GmbH", "keep"), ("Acme GmbH", "update")):
        log_result(log, "acme", _sent(name, if_exists=if_exists))
    stage.fault("close_after", times=1)
    log_result(log, "acme", _sent("Acme GmbH", if_exists="keep"))
    yield from (record.getMessage() for record in stage.caplog.records if record.name == "documented")


def argument(stage: Stage) -> Iterator[str]:
    """``tenant=`` with fields that no tenant has."""
    yield stage.error(lambda: _create(tenant={"user_group_id": "acme", "name": "Acme", "plan": "team"}))


def arguments(stage: Stage) -> Iterator[str]:
    """That no operator takes: errors when the DAG is parsed."""
    single: dict[str, Any] = {"task_id": "one", "user_group_id": "acme", "name": "Acme GmbH"}
    many: dict[str, Any] = {"task_id": "many", "sql": "SELECT 1", "sql_conn_id": "warehouse"}
    yield stage.error(lambda: ExploCreateUserGroupOperator(**single, if_exists="overwrite"))
    yield stage.error(lambda: ExploCreateUserGroupOperator(**single, token_table="tokens"))
    yield stage.error(lambda: ExploCreateUserGroupOperator(**single, tenant={"user_group_id": "acme", "name": "Acme"}))
    yield stage.error(lambda: ExploCreateUserGroupOperator(task_id="one", tenant="acme"))
    yield stage.error(lambda: SqlToExploOperator(**many, parameters="2026-03-03"))
    yield stage.error(lambda: SqlToExploOperator(**many, if_missing="remove"))
    yield stage.error(lambda: SqlToExploOperator(**many, ignore_columns="country"))
    yield stage.error(lambda: SqlToExploOperator(**many, on_rejected="ignore"))
    yield stage.error(lambda: SqlToExploOperator(**many, max_change_share=30))
    yield stage.error(lambda: SqlToExploOperator(**many, dry_run=True, approved_plan="digest"))
    yield stage.error(lambda: SqlToExploOperator(**many, chunk_size=0))
    yield stage.error(lambda: SqlToExploOperator(**many, budget_share=4))
