"""Every day: a user group in Explo for each tenant who signed up in the data interval, and its token into a table.

Reads the connections ``warehouse`` (any SQL database, with the table ``tenants``) and ``explo_default``. Needs the pool
``explo`` with one slot, which shares Explo's request budget among tasks:

    airflow pools set explo 1 "Explo's request budget"

A day with more tenants than Airflow maps over (1,024 by default) fails and says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param, get_current_context, task, task_group
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_explo.operators.explo import ExploCreateUserGroupOperator

WAREHOUSE = "warehouse"
WINDOW = {"type": ["null", "string"], "format": "date-time"}

with DAG(
    "explo_onboard_new_tenants",
    # Not "@daily": in Airflow 3 that gives intervals of no length. Midnight to midnight UTC, the end excluded.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2024, 1, 1),
    # Unpausing starts with the newest day. Older days, and days missed in a pause: airflow backfill create.
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "window_start": Param(None, **WINDOW, description="Only for a run without a data interval: from, inclusive"),
        "window_end": Param(None, **WINDOW, description="Only for a run without a data interval: to, exclusive"),
    },
    tags=["explo", "example"],
    doc_md=__doc__,
):

    @task(show_return_value_in_logs=False)
    def tenants_of_interval() -> list[dict[str, Any]]:
        """The tenants who signed up in the window, oldest first."""
        import pendulum
        from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook, conf
        from sqlalchemy import text

        context = get_current_context()
        given = [context["params"][name] for name in ("window_start", "window_end")]
        interval = [context.get(name) for name in ("data_interval_start", "data_interval_end")]
        try:
            start, end = [pendulum.parse(moment, tz="UTC") for moment in given] if all(given) else interval
        except ValueError:
            start = end = None
        if any(given) != all(given) or not (start and end and start < end):
            raise AirflowFailException(
                "This run has no window of time. Trigger it with a logical date, whose data interval it then takes, or "
                f"with both params window_start and window_end (now: {given}), the start before the end."
            )
        # Coarse in SQL, where timestamps may be text in any ISO 8601 form, and exact in Python.
        engine = BaseHook.get_hook(WAREHOUSE).get_sqlalchemy_engine()
        query = text(
            "SELECT tenant_id, name, mapping, properties, signed_up_at FROM tenants "
            "WHERE signed_up_at >= :low AND signed_up_at < :high ORDER BY tenant_id"
        )
        bounds = {"low": start.subtract(days=1).to_date_string(), "high": end.add(days=2).to_date_string()}
        tenants, unreadable = [], []
        with engine.connect() as connection:
            for tenant_id, name, mapping, properties, signed_up_at in connection.execute(query, bounds):
                try:
                    if isinstance(signed_up_at, datetime):
                        moment = pendulum.instance(signed_up_at, tz="UTC")
                    else:
                        moment = pendulum.parse(signed_up_at, tz="UTC")
                except (TypeError, ValueError):
                    unreadable.append(f"tenant {tenant_id!r}: signed_up_at is {signed_up_at!r}")
                    continue
                if start <= moment < end:
                    tenants.append(
                        {"user_group_id": tenant_id, "name": name, "mapping": mapping, "properties": properties}
                    )
        context["ti"].xcom_push(key="unreadable", value=unreadable)
        most = conf.getint("core", "max_map_length")
        if len(tenants) > most:
            raise AirflowFailException(
                f"{len(tenants)} tenants signed up from {start} to {end}, and Airflow maps over at most {most}: raise "
                "[core] max_map_length, or run smaller windows with the params window_start and window_end"
            )
        return tenants

    @task
    def no_unreadable_signups() -> None:
        """Fails where a signup's time cannot be read: nobody is left out silently, and the others are onboarded."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        unreadable = get_current_context()["ti"].xcom_pull(task_ids="tenants_of_interval", key="unreadable")
        if unreadable:
            raise AirflowFailException(
                "Not onboarded, because the time is not ISO 8601; correct it in the warehouse and run this day again:\n"
                + "\n".join(unreadable)
            )

    @task
    def save_token(user_group_id: str, name: str, mapping: Any, properties: Any) -> None:
        """Saves one tenant's token, which it takes from the XCom of this tenant's create_user_group."""
        from airflow_provider_explo.token_table import TokenTable

        TokenTable.of_connection(WAREHOUSE).save_created(
            get_current_context()["ti"],
            task_id="onboard.create_user_group",
            user_group_id=user_group_id,
            name=name,
            mapping=mapping,
            properties=properties,
        )

    @task_group
    def onboard(user_group_id: str, name: str, mapping: Any, properties: Any) -> None:
        """One tenant, on its own: whatever happens to it happens to no other."""
        create = ExploCreateUserGroupOperator(
            task_id="create_user_group",
            user_group_id=user_group_id,
            name=name,
            mapping=mapping,
            properties=properties,
            pool="explo",
            map_index_template="{{ task.user_group_id }}",
        )
        create >> save_token(user_group_id, name, mapping, properties)

    tenants = tenants_of_interval()
    tenants >> no_unreadable_signups()
    onboard.expand_kwargs(tenants)
