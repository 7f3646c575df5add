"""The DAGs of the benchmark ``throughput``: tenants in one task, and in one mapped task each."""

from __future__ import annotations

import json
import os
from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator
from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator
from benchmarks.world import SQL, tenants

wanted = list(tenants(int(os.environ.get("BENCH_MAPPED", "0"))))

with DAG("one_task", start_date=datetime(2024, 1, 1), schedule=None):
    # A token table of its own for each run, so that all tenants are new.
    table = "tokens_{{ macros.uuid.uuid4().hex }}"
    SqlToExploOperator(task_id="onboard", refresh=False, sql=SQL, sql_conn_id="warehouse", token_table=table)

with DAG("mapped_explo", start_date=datetime(2024, 1, 1), schedule=None):
    ExploCreateUserGroupOperator.partial(task_id="onboard").expand(tenant=wanted)

if os.environ.get("BENCH_HTTP") == "yes":
    from airflow.providers.http.operators.http import HttpOperator

    with DAG("mapped_http", start_date=datetime(2024, 1, 1), schedule=None):
        HttpOperator.partial(task_id="onboard", endpoint="embed/create_user_group/").expand(
            data=[json.dumps(tenant) for tenant in wanted]
        )
