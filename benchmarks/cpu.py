"""CPU time of a request.

Measured: ExploClient.create_user_group, one request after the other, without a limit. Against: a bare requests.Session
that posts the same JSON and reads the same response. Both in one process, in turns; the ratio is the median of theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.child import in_child
from benchmarks.report import Report, goal
from benchmarks.world import NO_LIMIT, explo, tenants

ROUNDS = 25
REQUESTS = 100
RATIO_GOAL = 1.15


def measure(folder: Path) -> Report:
    with explo(folder) as service:
        ours, bare = in_child(folder, race, url=service.url, token=service.token)
    ratio = median(mine / other for mine, other in zip(ours, bare, strict=True))
    aim = goal(f"{RATIO_GOAL} or less", ratio <= RATIO_GOAL)
    return Report(
        title="CPU of a request",
        columns=["contender", "CPU per request", "ratio", "goals"],
        rows=[
            ["requests.Session", f"{median(bare) * 1e6:.0f} µs", "1.00", ""],
            ["ExploClient", f"{median(ours) * 1e6:.0f} µs", f"{ratio:.2f}", aim],
        ],
        notes=[
            f"{ROUNDS} turns of {REQUESTS} requests, for tenants that exist; CPU time of the client's process only."
        ],
    )


def race(*, url: str, token: str) -> list[list[float]]:
    """CPU seconds per request, of ours and of the bare session, for each turn."""
    from airflow_provider_explo.client.client import ExploClient
    from airflow_provider_explo.client.settings import ClientSettings
    from benchmarks.bare import post, session

    wanted = list(tenants(REQUESTS))
    opened = session(token)

    def bare(tenant: dict[str, Any]) -> str:
        response = post(opened, url, tenant)
        response.raise_for_status()
        return str(response.json()["user_group"]["token"])

    def timed(send: Callable[[dict[str, Any]], object]) -> float:
        begun = time.process_time()
        for tenant in wanted:
            send(tenant)
        return (time.process_time() - begun) / REQUESTS

    settings = ClientSettings(token=token, base_url=url, requests_per_minute=NO_LIMIT)
    with opened, ExploClient(settings) as client:
        contenders = [lambda tenant: client.create_user_group(**tenant), bare]
        # The first turn makes groups and connections, and does not count.
        turns = [[timed(send) for send in contenders] for _ in range(ROUNDS + 1)][1:]
    return [list(turn) for turn in zip(*turns, strict=True)]
