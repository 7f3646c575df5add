"""Every tenant has exactly its own token, whatever died on the way there, and nobody else has seen it."""

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

IN_CHUNKS, BULK, SINGLE = "explo_onboard_tenants_in_chunks", "explo_onboard_tenants_bulk", "explo_onboard_tenant"
FIRST_LOAD = (datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 3, 2, tzinfo=timezone.utc))
TENANTS_OF_FIRST_LOAD = 800
DAYS = [datetime(2026, 3, day, tzinfo=timezone.utc) for day in range(9, 16)]
TENANTS_A_DAY = 150
TENANTS = TENANTS_OF_FIRST_LOAD + len(DAYS) * TENANTS_A_DAY
CHUNKS = 4
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
            sign_up(made)
            yield made
        finally:
            made.stop()


def sign_up(cluster: Cluster) -> None:
    tenants = [("first", FIRST_LOAD[0], TENANTS_OF_FIRST_LOAD)] + [(f"{day:%d}", day, TENANTS_A_DAY) for day in DAYS]
    cluster.warehouse.execute(
        "product",
        "CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY, name TEXT, signed_up_at TIMESTAMPTZ, mapping JSONB, "
        "properties JSONB)",
    )
    for name, begin, count in tenants:
        cluster.warehouse.execute(
            "product",
            "INSERT INTO tenants SELECT %s || '-' || n, 'Tenant ' || n, %s::timestamptz + n * interval '1 second', "
            "jsonb_build_object('40', n::text), jsonb_build_object('seats', n) FROM generate_series(0, %s) AS n",
            (name, begin, count - 1),
        )


def calls(cluster: Cluster) -> int:
    return sum(cluster.explo.calls().values())


def after_calls(cluster: Cluster, count: int) -> None:
    wait_until(lambda: calls(cluster) >= count, what=f"{count} calls to Explo", patience=PATIENCE)


def finished(cluster: Cluster, dag: str, run: str) -> str:
    state = ""

    def done() -> bool:
        nonlocal state
        state = cluster.runs(dag)[run]
        return state in ("success", "failed")

    wait_until(done, what=f"the end of {run} of {dag}", patience=PATIENCE)
    return state


def test_tokens_through_failures(cluster, capsys):
    # The first load, in chunks. A worker dies with its tasks, and then Explo is away for some seconds.
    start, end = (moment.isoformat() for moment in FIRST_LOAD)
    run = cluster.trigger(IN_CHUNKS, window_start=start, window_end=end)
    after_calls(cluster, 250)
    cluster.workers[0].kill()
    after_calls(cluster, 450)
    cluster.explo.go_away()
    time.sleep(5)
    cluster.explo.come_back()
    assert finished(cluster, IN_CHUNKS, run) == "success", cluster.story(IN_CHUNKS, run)
    onboard = [task for task in cluster.tasks(IN_CHUNKS, run) if task["task_id"] == "onboard"]
    retried = [task for task in onboard if task["try_number"] > 1]
    assert len(onboard) == TENANTS_OF_FIRST_LOAD // 100
    assert retried, "the worker that was killed had no task"
    first_calls = calls(cluster)
    assert TENANTS_OF_FIRST_LOAD <= first_calls <= TENANTS_OF_FIRST_LOAD + IN_FLIGHT * (len(retried) + CHUNKS)

    # Seven days again, with both workers. The scheduler starts anew, and then the database of the tokens.
    cluster.workers[0].start()
    dates = ("--from-date", f"{DAYS[0]:%Y-%m-%d}", "--to-date", f"{DAYS[-1]:%Y-%m-%d}")
    cluster.airflow("backfill", "create", "--dag-id", BULK, *dates)
    after_calls(cluster, first_calls + 200)
    cluster.scheduler.stop()
    cluster.scheduler.start()
    after_calls(cluster, first_calls + 450)
    cluster.warehouse.restart()
    days = [run for run in cluster.runs(BULK) if run.startswith("backfill")]
    assert len(days) == len(DAYS)
    for day in days:
        assert finished(cluster, BULK, day) == "success", cluster.story(BULK, day)
    backfill_calls = calls(cluster) - first_calls
    assert len(DAYS) * TENANTS_A_DAY <= backfill_calls <= len(DAYS) * TENANTS_A_DAY + IN_FLIGHT

    # One tenant, whose token does go through XCom.
    single = cluster.trigger(SINGLE, user_group_id="single", name="Single", mapping={"40": "1"})
    assert finished(cluster, SINGLE, single) == "success", cluster.story(SINGLE, single)

    cluster.explo.go_away()
    held = cluster.explo.tokens()
    saved = cluster.warehouse.execute("product", "SELECT user_group_id, token FROM explo_user_groups")
    answers = cluster.explo.calls()
    with capsys.disabled():
        print(f"\n{dict(answers)} for {TENANTS} + 1 tenants; {len(retried)} of {len(onboard)} chunks tried again")
    assert len(held) == TENANTS + 1
    assert dict(saved) == held
    assert len(saved) == len(held)
    assert "429" not in answers

    search = Search([*held.values(), cluster.api_token])
    assert list(search.files(cluster.logs, cluster.folder / "home")) == []
    assert not search.has((cluster.folder / "explo.log").read_bytes())
    leaks = search.rows(cluster.metadata, "airflow", allowed=xcom_of_the_single_operator)
    assert [(table, list(row)) for table, row in leaks] == []
    # And what may be there is there: the search does find tokens.
    everywhere = list(search.rows(cluster.metadata, "airflow", allowed=lambda table, row: False))
    assert [row["value"] for _, row in everywhere] == [held["single"]]


def xcom_of_the_single_operator(table: str, row: dict[str, object]) -> bool:
    return (table, row.get("dag_id"), row.get("task_id"), row.get("key")) == (
        "xcom",
        SINGLE,
        "create_user_group",
        "return_value",
    )
