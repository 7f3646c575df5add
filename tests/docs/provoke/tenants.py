"""One tenant: its data, its group, its token."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from airflow_provider_explo.operators.telling import tell

from airflow_provider_explo.hooks.explo import ExploHook
from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.sync.upsert import get_or_create
from airflow_provider_explo.tenants.tenant import Tenant
from airflow_provider_explo.tenants.validation import TenantValidator
from airflow_provider_explo.token_table import TokenTable
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from tests.docs.provoke.stage import Stage, TaskInstance

PLANS = {"required": ["plan"], "properties": {"plan": {"enum": ["free", "team"]}}}


def _tenant(**fields: Any) -> Tenant:
    return TenantValidator().tenant(**{"user_group_id": "acme", "name": "Acme GmbH", **fields})


def mistakes(stage: Stage) -> Iterator[str]:
    """In a tenant's data."""
    rules = TenantValidator(properties_schema=PLANS)
    acme = {"user_group_id": "acme", "name": "Acme GmbH"}
    yield stage.error(
        lambda: rules.tenant(**{**acme, "name": ""}, mapping={"orders": 213}, properties={"plan": "gold"})
    )
    yield stage.error(lambda: rules.tenant(**acme, properties="{'plan': 'free'}"))
    yield stage.error(lambda: rules.tenant(**{**acme, "user_group_id": 42}, mapping={"40": ""}))


def schemas(stage: Stage) -> Iterator[str]:
    """In a JSON Schema of the team's own."""
    yield stage.error(
        lambda: TenantValidator(properties_schema={"$ref": "https://example.com/plan.json", "type": "text"})
    )
    yield stage.error(lambda: TenantValidator(properties_schema={"pattern": "(", "$ref": "#/$defs/plan"}))
    yield stage.error(lambda: TenantValidator(mapping_schema=str(stage.folder / "mapping.json")))


def groups(stage: Stage) -> Iterator[str]:
    """A group that was there before."""
    get_or_create(_tenant(), ExploHook(), if_exists="keep")
    yield stage.error(lambda: get_or_create(_tenant(), ExploHook(), if_exists="fail"))


def told(stage: Stage) -> Iterator[str]:
    """What the log of the task says, whatever came of it."""
    log = logging.getLogger("documented")
    hook = ExploHook()
    for name, if_exists in (("Acme", "keep"), ("Acme", "keep"), ("Acme GmbH", "keep"), ("Acme GmbH", "update")):
        tenant = _tenant(name=name)
        tell(log, tenant, get_or_create(tenant, hook, if_exists=if_exists))
    stage.fault("close_after", times=1)
    with hook.client() as client:
        tenant = _tenant()
        tell(log, tenant, get_or_create(tenant, client, if_exists="keep"))
    yield from (record.getMessage() for record in stage.caplog.records if record.name == "documented")


def tokens(stage: Stage) -> Iterator[str]:
    """A token of another tenant's."""
    stage.database()
    ti = TaskInstance(pushed={"user_group": {"provided_id": "bolt"}})
    table = TokenTable.of_connection("warehouse")
    yield stage.error(
        lambda: table.save_created(ti, task_id="create_user_group", user_group_id="acme", name="Acme GmbH")
    )


def arguments(stage: Stage) -> Iterator[str]:
    """That no operator takes: errors when the DAG is parsed."""
    one: dict[str, Any] = {"task_id": "one", "user_group_id": "acme", "name": "Acme GmbH"}
    many: dict[str, Any] = {"task_id": "many", "sql": "SELECT 1", "sql_conn_id": "warehouse"}
    yield stage.error(lambda: ExploCreateUserGroupOperator(**one, if_exists="overwrite"))
    yield stage.error(lambda: ExploCreateUserGroupOperator(**one, token_table="tokens"))
    yield stage.error(lambda: SqlToExploOperator(**many, on_rejected="ignore"))
    yield stage.error(lambda: SqlToExploOperator(**many, chunk_size=0))
    yield stage.error(lambda: SqlToExploOperator(**many, budget_share=4))
