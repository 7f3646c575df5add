"""A DAG that creates one tenant's user group."""

from __future__ import annotations

from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

TENANT = {"user_group_id": "acme", "name": "Acme", "mapping": {"40": "213"}, "properties": {"plan": "gold"}}


def dag_with(*, dag_arguments=None, **arguments):
    with DAG("one", start_date=datetime(2024, 1, 1), schedule=None, **dag_arguments or {}) as dag:
        ExploCreateUserGroupOperator(task_id="create", **{**TENANT, **arguments})
    return dag


def sent(emulator, number=-1):
    return emulator.requests[number].body
