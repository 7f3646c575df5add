"""Every tenant has exactly its own token, whatever died on the way there, and no log and no metadata holds one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.distributed.cluster import Cluster
from tests.distributed.search import Search
from tests.processes import wait_until

SYNC, NEW, SINGLE = "explo_sync_tenants", "explo_onboard_new_tenants", "explo_onboard_tenant"
FIRST_DAY = datetime(2026, 3, 1, tzinfo=timezone.utc)
TENANTS_OF_FIRST_LOAD = 1200
DAYS = [datetime(2026, 3, day, tzinfo=timezone.utc) for day in range(9, 16)]
TENANTS_A_DAY = 14
TENANTS = TENANTS_OF_FIRST_LOAD + len(DAYS) * TENANTS_A_DAY
# SqlToExploOperator's own.
IN_FLIGHT = 4
PATIENCE = 400


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # Not below pytest's own folder: the path of a socket is short, and PostgreSQL refuses to run as root in it.
    with tempfile.TemporaryDirectory(prefix="explo-", ignore_cleanup_errors=True) as folder:
        made = Cluster(Path(folder), limit=400, window=20)
        try:
            made.start()
            made.warehouse.execute(
                "product",
                "CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY, name TEXT, signed_up_at TIMESTAMPTZ, mapping JSONB, "
                "properties JSONB)",
            )
            yield made
        finally:
            made.stop()


def sign_up(cluster: Cluster, name: str, begin: datetime, count: int) -> None:
    cluster.warehouse.execute(
        "product",
        "INSERT INTO tenants SELECT %s || '-' || n, 'Tenant ' || n, %s::timestamptz + n * interval '1 second', "
        "jsonb_build_object('40', n::text), jsonb_build_object('seats', n) FROM generate_series(1, %s) AS n",
        (name, begin, count),
    )


def request_count(cluster: Cluster) -> int:
    return sum(cluster.explo.requests().values())


def after_requests(cluster: Cluster, count: int) -> None:
    wait_until(lambda: request_count(cluster) >= count, what=f"{count} requests to Explo", patience=PATIENCE)


def finished(cluster: Cluster, dag: str, run: str) -> str:
    state = ""

    def done() -> bool:
        nonlocal state
        state = cluster.runs(dag)[run]
        return state in ("success", "failed")

    wait_until(done, what=f"the end of {run} of {dag}", patience=PATIENCE)
    return state


def test_tokens_through_failures(cluster, capsys):
    # The first load. A tenant signs up meanwhile, and does not wait for its end.
    sign_up(cluster, "first", FIRST_DAY, TENANTS_OF_FIRST_LOAD)
    cluster.unpause(NEW)
    cluster.airflow("dags", "unpause", SINGLE)
    run = cluster.unpause(SYNC)
    after_requests(cluster, 50)
    single = cluster.trigger(SINGLE, user_group_id="single", name="Single", mapping={"40": "1"})
    assert finished(cluster, SINGLE, single) == "success", cluster.diagnosis(SINGLE, single)
    assert cluster.runs(SYNC)[run] == "running"
    assert request_count(cluster) < TENANTS_OF_FIRST_LOAD

    # The workers die with the sync's task, Explo is away for some seconds, and the token table's database restarts.
    after_requests(cluster, request_count(cluster) + 50)
    for worker in cluster.workers:
        worker.kill()
    for worker in cluster.workers:
        worker.start()
    after_requests(cluster, request_count(cluster) + 150)
    cluster.explo.go_away()
    time.sleep(5)
    cluster.explo.come_back()
    after_requests(cluster, request_count(cluster) + 150)
    cluster.warehouse.restart()
    assert finished(cluster, SYNC, run) == "success", cluster.diagnosis(SYNC, run)
    (sync,) = cluster.tasks(SYNC, run)
    assert sync["try_number"] > 1, "the workers that were killed did not have the task"
    first_requests = request_count(cluster)
    repeated = first_requests - TENANTS_OF_FIRST_LOAD - 1
    assert 0 <= repeated <= IN_FLIGHT * (sync["try_number"] + 1)

    # Seven days of new tenants. The scheduler is restarted, and then the database of the tokens.
    for day in DAYS:
        sign_up(cluster, f"{day:%d}", day, TENANTS_A_DAY)
    dates = ("--from-date", f"{DAYS[0]:%Y-%m-%d}", "--to-date", f"{DAYS[-1]:%Y-%m-%d}")
    cluster.airflow("backfill", "create", "--dag-id", NEW, *dates)
    after_requests(cluster, first_requests + 20)
    cluster.scheduler.stop()
    cluster.scheduler.start()
    after_requests(cluster, first_requests + 45)
    cluster.warehouse.restart()
    days = [run for run in cluster.runs(NEW) if run.startswith("backfill")]
    assert len(days) == len(DAYS)
    for day in days:
        assert finished(cluster, NEW, day) == "success", cluster.diagnosis(NEW, day)
    onboard = [task for day in days for task in cluster.tasks(NEW, day) if task["task_id"] == "create_user_group"]
    retried = [task for task in onboard if task["try_number"] > 1]
    assert len(onboard) == len(DAYS) * TENANTS_A_DAY
    backfill_requests = request_count(cluster) - first_requests
    assert len(onboard) <= backfill_requests <= sum(task["try_number"] for task in onboard)

    cluster.explo.go_away()
    held = cluster.explo.tokens()
    saved = cluster.warehouse.execute("product", "SELECT user_group_id, token FROM explo_user_groups")
    statuses = cluster.explo.requests()
    with capsys.disabled():
        print(f"\n{dict(statuses)} for {TENANTS} + 1 tenants; {len(retried)} of {len(onboard)} mapped tasks retried")
    assert len(held) == TENANTS + 1
    assert dict(saved) == held
    assert len(saved) == len(held)
    assert "429" not in statuses

    search = Search([*held.values(), cluster.api_token])
    assert list(search.files(cluster.logs, cluster.folder / "home")) == []
    assert not search.has((cluster.folder / "explo.log").read_bytes())
    leaks = search.rows(cluster.metadata, "airflow", allowed=lambda table, row: False)
    assert [(table, list(row)) for table, row in leaks] == []
    # The search does find tokens where they are.
    rows = search.rows(cluster.warehouse, "product", allowed=lambda table, row: False)
    assert {row["user_group_id"] for _, row in rows} == set(held)
