"""How long a signup takes, from the call of Airflow's REST API to the token in the table.

Measured: the example DAG ``explo_onboard_tenant``. Against: a DAG whose only task is a BashOperator that does nothing,
from the same call to the end of its task. Both on one ``airflow standalone``, in turns.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks.report import Report, goal
from benchmarks.scheduler import PATIENCE, Scheduler, scheduler
from benchmarks.world import explo, tenant, warehouse

ROUNDS = 15
SECONDS_GOAL = 0.5


def measure(folder: Path) -> Report:
    with explo(folder) as service:
        source = warehouse(folder, 0)
        with scheduler(
            folder,
            BENCH_SIGNUP="yes",
            AIRFLOW_CONN_WAREHOUSE=source,
            AIRFLOW_CONN_EXPLO_DEFAULT=service.connection(),
        ) as airflow:
            airflow.command("pools", "set", "explo", "10", "Explo's request budget")
            turns = [
                (_nothing(airflow), _signup(airflow, Path(json.loads(source)["host"]), number))
                # The first makes the table, and does not count.
                for number in range(ROUNDS + 1)
            ][1:]
    bare, ours = (median(times) for times in zip(*turns, strict=True))
    more = median(mine - other for other, mine in turns)
    return Report(
        title="A signup",
        columns=["contender", "seconds", "more", "goals"],
        rows=[
            ["BashOperator, `true`", f"{bare:.2f}", "", ""],
            [
                "explo_onboard_tenant, token in the table",
                f"{ours:.2f}",
                f"{more:+.2f}",
                goal(f"{SECONDS_GOAL} s more or less", more <= SECONDS_GOAL),
            ],
        ],
        notes=[
            f"Medians of {ROUNDS} runs of each, in turns, from the call of the REST API on; `more` is the median of "
            "the differences. `airflow standalone`, LocalExecutor, SQLite as its database, all other settings as they "
            "come."
        ],
    )


def _nothing(airflow: Scheduler) -> float:
    begun = time.time()
    return airflow.end_of_run("nothing", airflow.trigger("nothing")) - begun


def _signup(airflow: Scheduler, warehouse: Path, number: int) -> float:
    wanted = tenant(number)
    begun = time.time()
    run_id = airflow.trigger("explo_onboard_tenant", conf=wanted)
    query = "SELECT count(*) FROM explo_user_groups WHERE user_group_id = ?"
    while time.time() - begun < PATIENCE:
        with closing(sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True)) as database:
            try:
                ((found,),) = database.execute(query, [wanted["user_group_id"]])
            except sqlite3.OperationalError:
                found = 0
        if found:
            seconds = time.time() - begun
            # Two at once would wait for one another: Airflow's database is SQLite.
            airflow.end_of_run("explo_onboard_tenant", run_id)
            return seconds
        time.sleep(0.01)
    raise RuntimeError(f"tenant {number} was not onboarded")
