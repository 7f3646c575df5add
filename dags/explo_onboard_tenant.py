"""When triggered after a signup: a user group in Explo for the tenant in the run's conf, and its token into a table.

    POST /api/v2/dags/explo_onboard_tenant/dagRuns
    {"logical_date": null, "conf": {"user_group_id": "acme", "name": "Acme GmbH", "mapping": {"40": "213"}}}

Reads the connections ``explo_default`` and ``warehouse`` (any SQL database, where the token is kept), and needs the
pool ``explo``. Airflow checks ``conf`` against the params below when the run is created, and makes a form of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, get_current_context, task

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

WAREHOUSE = "warehouse"
TEXT = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}

with DAG(
    "explo_onboard_tenant",
    schedule=None,
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "user_group_id": Param(**TEXT, title="Tenant id", description="The tenant's id in your own database"),
        "name": Param(**TEXT, title="Name", description="Display name"),
        "mapping": Param(
            None,
            type=["null", "object"],
            propertyNames={"pattern": "^[0-9]+$"},
            additionalProperties={"type": ["string", "integer"], "minLength": 1, "minimum": 1},
            title="Mapping",
            description='Explo\'s schema id to data source, such as {"40": "213"}',
        ),
        "properties": Param(
            None, type=["null", "object"], title="Properties", description="Any JSON object, for Explo's variables"
        ),
    },
    tags=["explo", "example"],
    doc_md=__doc__,
) as dag:

    @task
    def no_unknown_fields() -> None:
        """Fails on a misspelt field, which Airflow would pass over: the tenant would go without what it holds."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        context = get_current_context()
        known = {"user_group_id", "name", "mapping", "properties"}
        unknown = sorted(set(context["dag_run"].conf or {}) - known)
        if unknown:
            raise AirflowFailException(
                f"The run's conf has fields that mean nothing here: {unknown}; expected some of {sorted(known)}"
            )

    create = ExploCreateUserGroupOperator(
        task_id="create_user_group",
        user_group_id="{{ params.user_group_id }}",
        name="{{ params.name }}",
        mapping="{{ params.mapping | tojson }}",
        properties="{{ params.properties | tojson }}",
        pool="explo",
    )

    @task
    def save_token() -> None:
        """Saves the token, which it takes from the XCom of create_user_group."""
        from airflow_provider_explo.token_table import TokenTable

        context = get_current_context()
        fields = ("user_group_id", "name", "mapping", "properties")
        tenant = {field: context["params"][field] for field in fields}
        TokenTable.of_connection(WAREHOUSE).save_created(context["ti"], task_id="create_user_group", **tenant)

    no_unknown_fields() >> create >> save_token()
