"""Every day: the tenants who signed up in the data interval into Explo, all of them with one task.

Reads the connections ``warehouse`` (any SQL database, with the table ``tenants``) and ``explo_default``. Needs the pool
``explo`` with one slot, which shares Explo's request budget among tasks:

    airflow pools set explo 1 "Explo's request budget"

For the first load, trigger ``explo_onboard_tenants_bulk`` with the params ``window_start`` and ``window_end``.

``explo_onboard_tenants_in_chunks`` is for those whose limit is higher than one worker's speed: it maps over ranges of
tenants, each with its share of the budget. It runs when triggered, with the same params, and needs a pool of its own
with as many slots as there are shares. Its budget is the whole one: do not run it beside the pool ``explo``.

    airflow pools set explo_shared 4 "Quarters of Explo's request budget"
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param, get_current_context, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_explo.transfers.sql_to_explo import SqlToExploOperator

WAREHOUSE = "warehouse"
SHARES = 4
TENANTS_A_CHUNK = 2500
# On SQLite a time is text in any ISO 8601 form, with or without an offset: this is the same in UTC, in one form.
MOMENT_ON_SQLITE = "strftime('%Y-%m-%d %H:%M:%f', signed_up_at)"
TENANT = "tenant_id AS user_group_id, name, mapping, properties"
WINDOW = {"type": ["null", "string"], "format": "date-time"}
PARAMS = {
    "window_start": Param(None, **WINDOW, description="Instead of the data interval: from, inclusive"),
    "window_end": Param(None, **WINDOW, description="Instead of the data interval: to, exclusive"),
}
COMMON: dict[str, Any] = {
    "start_date": datetime(2024, 1, 1),
    "catchup": False,
    "default_args": {"retries": 3, "retry_delay": timedelta(minutes=5)},
    "params": PARAMS,
    "tags": ["explo", "example"],
    "doc_md": __doc__,
}


def window() -> tuple[Any, Any]:
    """This run's window of time: the one of its params, or else its data interval."""
    import pendulum
    from airflow.providers.common.compat.sdk import AirflowFailException

    context = get_current_context()
    given = [context["params"][name] for name in PARAMS]
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
    return start, end


def written(moment: Any, *, dialect: str) -> str:
    """A time as it is compared with a tenant's: made of digits, so it may stand in a query."""
    utc = moment.in_timezone("UTC")
    return utc.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if dialect == "sqlite" else utc.isoformat()


def tenants_between(start: Any, end: Any, *, dialect: str, columns: str = TENANT, order: str = "tenant_id") -> str:
    """The query for the tenants who signed up from ``start``, inclusive, to ``end``, exclusive."""
    moment = MOMENT_ON_SQLITE if dialect == "sqlite" else "signed_up_at"
    low, high = (written(time, dialect=dialect) for time in (start, end))
    return f"SELECT {columns} FROM tenants WHERE {moment} >= '{low}' AND {moment} < '{high}' ORDER BY {order}"


def tell_unreadable(engine: Any) -> None:
    """Push the tenants whose time SQLite cannot read; a database with a type for times has none."""
    unreadable = []
    if engine.dialect.name == "sqlite":
        query = f"SELECT tenant_id, signed_up_at FROM tenants WHERE {MOMENT_ON_SQLITE} IS NULL"
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(query).all()
        unreadable = [f"tenant {tenant!r}: signed_up_at is {time!r}" for tenant, time in rows]
    get_current_context()["ti"].xcom_push(key="unreadable", value=unreadable)


@task
def no_unreadable_signups(task_id: str) -> None:
    """Fails where a signup's time cannot be read: nobody is left out silently, and the others are onboarded."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    unreadable = get_current_context()["ti"].xcom_pull(task_ids=task_id, key="unreadable")
    if unreadable:
        raise AirflowFailException(
            "Not onboarded, because the time is not ISO 8601; correct it in the warehouse and run this day again:\n"
            + "\n".join(unreadable)
        )


@task
def query() -> str:
    """The query for the window's tenants, in the warehouse's own words."""
    from airflow_provider_explo.sql.engine import engine_of

    start, end = window()
    engine = engine_of(WAREHOUSE)
    tell_unreadable(engine)
    return tenants_between(start, end, dialect=engine.dialect.name)


@task
def queries() -> list[str]:
    """The same in pieces of some thousand tenants, cut by the time at which they signed up."""
    import pendulum

    from airflow_provider_explo.sql.engine import engine_of

    start, end = window()
    engine = engine_of(WAREHOUSE)
    dialect = engine.dialect.name
    tell_unreadable(engine)
    moment = MOMENT_ON_SQLITE if dialect == "sqlite" else "signed_up_at"
    times = tenants_between(start, end, dialect=dialect, columns=f"{moment} AS moment", order="moment")
    cuts = [start]
    with engine.connect() as connection:
        for number, (time,) in enumerate(connection.exec_driver_sql(times)):
            if number and number % TENANTS_A_CHUNK == 0:
                cut = pendulum.parse(time, tz="UTC") if isinstance(time, str) else pendulum.instance(time, tz="UTC")
                cuts += [cut] if cut > cuts[-1] else []
    return [tenants_between(low, high, dialect=dialect) for low, high in pairwise([*cuts, end])]


# Not "@daily": in Airflow 3 that gives intervals of no length. Midnight to midnight UTC, the end excluded.
DAILY = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")

with DAG("explo_onboard_tenants_bulk", schedule=DAILY, **COMMON):
    tenants = query()
    SqlToExploOperator(
        task_id="onboard",
        sql=tenants,
        sql_conn_id=WAREHOUSE,
        rejects_table="explo_rejects",
        pool="explo",
    )
    tenants >> no_unreadable_signups("query")

with DAG("explo_onboard_tenants_in_chunks", schedule=None, **COMMON):
    chunks = queries()
    SqlToExploOperator.partial(
        task_id="onboard",
        sql_conn_id=WAREHOUSE,
        rejects_table="explo_rejects",
        pool="explo_shared",
        budget_share=1 / SHARES,
    ).expand(sql=chunks)
    chunks >> no_unreadable_signups("queries")
