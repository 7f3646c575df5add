"""At the rate limit: time over the ideal, 429s met, and tenants given up.

Measured: SqlToExploOperator, as it is. Against: 16 workers that know nothing of one another and retry with
urllib3's Retry(5), as one mapped HttpOperator per tenant does; and one loop that sleeps the whole window after a 429
and tries the same tenant again, as Explo advises.

Explo counts 180 requests over 60 seconds. Here time runs 20 times faster: 180 requests in any 3 seconds, and every
pause of a contender is a twentieth of what it would be. The tenants take ten such windows, since a burst gets the first
one for nothing.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.child import in_child
from benchmarks.onboard import onboard
from benchmarks.report import Report, goal
from benchmarks.world import Explo, explo, tenants, warehouse

SPEED = 20
WINDOW = 60 / SPEED
LIMIT = 180
TENANTS = 10 * LIMIT
WORKERS = 16
RATIO_GOAL = 1.03


def measure(folder: Path) -> Report:
    rows = []
    with explo(folder, limit=LIMIT, window=WINDOW) as service:
        ours = {"warehouse": warehouse(folder, TENANTS), "explo": service.connection(int(LIMIT * 60 / WINDOW))}
        theirs = {"url": service.url, "token": service.token}
        rows.append(_row("SqlToExploOperator", service, in_child(folder, onboard, **ours), goals=True))
        rows.append(_row(f"{WORKERS} workers, Retry(5)", service, in_child(folder, fan_out, **theirs)))
        rows.append(_row("loop, sleeps after a 429", service, in_child(folder, sleep_it_off, **theirs)))
    return Report(
        title="At the rate limit",
        columns=["contender", "seconds", "over ideal", "while sending", "429s", "given up", "goals"],
        rows=rows,
        notes=[
            f"{TENANTS:,} tenants at {LIMIT * 60 / WINDOW:,.0f} requests per minute, {TENANTS * WINDOW / LIMIT:.0f} "
            f"seconds at best. Time runs {SPEED} times faster than at Explo: the limit counts over any {WINDOW:.0f} "
            "seconds, and each contender's pauses are shorter in proportion. A contender that bursts has its first "
            f"window for nothing, {LIMIT / TENANTS:.0%} of the time here. The emulator responds within milliseconds; "
            "where a response takes longer, the loop falls further behind, since it waits for each.",
            "SqlToExploOperator reads and checks all tenants before its first request. That work does not run "
            f"{SPEED} times faster, so here it weighs {SPEED} times what it does at Explo; `while sending` is without.",
        ],
    )


def fan_out(*, url: str, token: str) -> dict[str, Any]:
    """A thread a worker, and a session of its own for each tenant, as a task has."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    from benchmarks.bare import post, session

    # Retry(5) with the usual back-off of 1 second, doubled each time.
    retry = Retry(5, backoff_factor=1 / SPEED, status_forcelist=[429, 502, 503, 504], allowed_methods=None)

    def create(tenant: dict[str, Any]) -> bool:
        with session(token) as opened:
            opened.mount(url, HTTPAdapter(max_retries=retry))
            try:
                return post(opened, url, tenant).ok
            except requests.RequestException:
                return False

    begun = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        done = sum(pool.map(create, tenants(TENANTS)))
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "sending": seconds, "lost": TENANTS - done}


def sleep_it_off(*, url: str, token: str) -> dict[str, Any]:
    """One request after the other; after a 429, nothing for a window."""
    from benchmarks.bare import post, session

    begun = time.perf_counter()
    with session(token) as opened:
        for tenant in tenants(TENANTS):
            while post(opened, url, tenant).status_code == 429:
                time.sleep(WINDOW)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "sending": seconds, "lost": 0}


def _row(name: str, service: Explo, result: dict[str, Any], *, goals: bool = False) -> list[str]:
    best = TENANTS * WINDOW / LIMIT
    whole, sending = result["seconds"] / best, result["sending"] / best
    refused = service.requests().get("429", 0)
    service.reset()
    aims = [
        goal(f"{RATIO_GOAL} or less", whole <= RATIO_GOAL),
        goal("while sending", sending <= RATIO_GOAL),
        goal("no 429", not refused),
    ]
    seconds, goals_text = f"{result['seconds']:.1f}", "; ".join(aims) if goals else ""
    return [name, seconds, f"{whole:.3f}", f"{sending:.3f}", f"{refused:,}", str(result["lost"]), goals_text]
