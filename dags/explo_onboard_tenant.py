"""When triggered: the tenant in the run's conf into Explo, and its token into the table ``explo_user_groups``.

    POST /api/v2/dags/explo_onboard_tenant/dagRuns
    {"logical_date": null, "conf": {"user_group_id": "acme", "name": "Acme GmbH", "mapping": {"40": "213"}}}

Reads the connections ``explo_default`` and ``warehouse``, and takes 1 of the 10 slots of the pool ``explo``."""

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Param

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

TEXT = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
SOURCE = {"type": ["string", "integer"], "minLength": 1, "minimum": 1}
MAPPING = {"type": ["null", "object"], "propertyNames": {"pattern": "^[0-9]+$"}, "additionalProperties": SOURCE}
FORM = {
    "user_group_id": Param(**TEXT, title="Tenant id", description="The tenant's id in your own database"),
    "name": Param(**TEXT, title="Name", description="Display name"),
    "mapping": Param(None, **MAPPING, title="Mapping", description='Schema id to data source: {"40": "213"}'),
    "properties": Param(None, type=["null", "object"], title="Properties", description="Any JSON object"),
}


def refuse_unknown_fields(context: Any) -> None:
    if unknown := sorted(context["params"].keys() - FORM.keys()):
        raise AirflowFailException(f"conf: unknown fields {unknown}; expected some of {list(FORM)}")


with DAG(
    "explo_onboard_tenant", schedule=None, start_date=datetime(2024, 1, 1), params=FORM, tags=["explo"], doc_md=__doc__
):
    ExploCreateUserGroupOperator(
        task_id="create_user_group",
        user_group_id="{{ params.user_group_id }}",
        name="{{ params.name }}",
        mapping="{{ params.mapping | tojson }}",
        properties="{{ params.properties | tojson }}",
        token_conn_id="warehouse",
        pool="explo",
        retries=2,
        retry_delay=timedelta(minutes=1),
        pre_execute=refuse_unknown_fields,
    )
