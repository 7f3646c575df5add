"""Tenants a second without a rate limit, under a real scheduler with LocalExecutor.

Measured: one SqlToExploOperator. Against: one mapped ExploCreateUserGroupOperator per tenant, and one mapped
HttpOperator per tenant (where its provider is installed). And its execute()
alone, against a loop over a bare requests.Session.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median

from benchmarks.child import in_child
from benchmarks.imports import has_http
from benchmarks.onboard import onboard
from benchmarks.report import Report, goal
from benchmarks.scheduler import scheduler
from benchmarks.world import Explo, explo, tenants, warehouse

TENANTS = 5_000
MAPPED = 50
ROUNDS = 2
ALONE_ROUNDS = 3
RATIO_GOAL = 100
LOOP_GOAL = 1.5
LOOP = "a bare requests.Session loop"
ALONE = "SqlToExploOperator.execute() alone"


def measure(folder: Path) -> Report:
    with_http = has_http()
    with explo(folder) as service:
        speeds = _under_airflow(folder, service, with_http=with_http)
        for name, seconds in _alone(folder, service).items():
            speeds[name] = TENANTS, seconds
    ours = next(count / seconds for count, seconds in speeds.values())
    rows = []
    for name, (count, seconds) in speeds.items():
        speed = count / seconds
        aim = goal(f"{RATIO_GOAL} or more", ours / speed >= RATIO_GOAL) if name.startswith("mapped") else ""
        if name == ALONE:
            ratio = seconds / speeds[LOOP][1]
            aim = goal(f"{LOOP_GOAL} times the loop's time or less ({ratio:.2f})", ratio <= LOOP_GOAL)
        rows.append([name, f"{count:,}", f"{seconds:.1f}", f"{speed:.1f}", f"{ours / speed:.1f}", aim])
    notes = [
        "Seconds from the start of the DAG run to its end, by Airflow's record, the start of the tasks' processes "
        f"included; {ROUNDS} rounds of {TENANTS:,} tenants in one task and of {MAPPED} mapped tasks, in turns. "
        "`airflow standalone`, LocalExecutor, SQLite as its database, all other settings as they come. The emulator "
        "responds within a millisecond or two, and shares this machine's cores with all of them. The last two are "
        f"without Airflow's processes around them: medians of {ALONE_ROUNDS} rounds, in turns."
    ]
    if not with_http:
        notes.append("HttpOperator is left out: its provider is not installed here.")
    columns = ["contender", "tenants", "seconds", "tenants a second", "ours is faster by", "goals"]
    return Report(title="Throughput without a limit", columns=columns, rows=rows, notes=notes)


def _alone(folder: Path, service: Explo) -> dict[str, float]:
    """Seconds that one process takes, where all tenants are new."""
    turns = []
    for _ in range(ALONE_ROUNDS):
        service.reset()
        loop = in_child(folder, bare_loop, url=service.url, token=service.token)
        service.reset()
        source = {"warehouse": warehouse(folder, TENANTS), "explo": service.connection()}
        turns.append((loop, in_child(folder, onboard, **source, refresh=False)["seconds"]))
    loop, ours = (median(times) for times in zip(*turns, strict=True))
    return {LOOP: loop, ALONE: ours}


def bare_loop(*, url: str, token: str) -> float:
    """One request after the other, and nothing else."""
    from benchmarks.bare import post, session

    begun = time.perf_counter()
    with session(token) as opened:
        for tenant in tenants(TENANTS):
            response = post(opened, url, tenant)
            response.raise_for_status()
            assert response.json()["user_group"]["token"]
    return time.perf_counter() - begun


def _under_airflow(folder: Path, service: Explo, *, with_http: bool) -> dict[str, tuple[int, float]]:
    dags = {
        "SqlToExploOperator": ("one_task", TENANTS),
        "mapped ExploCreateUserGroupOperator": ("mapped_explo", MAPPED),
    }
    if with_http:
        dags["mapped HttpOperator"] = ("mapped_http", MAPPED)
    headers = {"Explo-Authorization": f"Token {service.token}", "Content-Type": "application/json"}
    spent = dict.fromkeys(dags, 0.0)
    with scheduler(
        folder,
        BENCH_MAPPED=str(MAPPED),
        BENCH_HTTP="yes" if with_http else "no",
        AIRFLOW_CONN_WAREHOUSE=warehouse(folder, TENANTS),
        AIRFLOW_CONN_EXPLO_DEFAULT=service.connection(),
        AIRFLOW_CONN_HTTP_DEFAULT=json.dumps({"conn_type": "http", "host": service.url, "extra": headers}),
    ) as airflow:
        for name, (dag_id, count) in ROUNDS * list(dags.items()):
            service.reset()
            spent[name] += airflow.run(dag_id)
            if service.requests() != {"200": count}:
                raise RuntimeError(f"{name}: expected {count} requests, found {service.requests()}")
    return {name: (ROUNDS * count, spent[name]) for name, (_, count) in dags.items()}
