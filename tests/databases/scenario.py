"""What is done on every database: 2,000 tenants, some bad, a run that is killed, one to the end, and one more."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_provider_explo.emulator import ExploEmulator
from tests.processes import wait_until
from tests.transfers.child import Child

TENANTS = 2_000
# Every hundredth.
BAD = TENANTS // 100
SQL = "SELECT tenant_id AS user_group_id, name, mapping, properties FROM tenants"
Row = tuple[str, str, str, str]
Tokens = Callable[[], Mapping[str, str]]


def tenants() -> list[Row]:
    """Id, name, mapping and properties of each; the bad ones are valid JSON, since some columns take no other."""
    rows = []
    for number in range(TENANTS):
        mapping, properties = {"40": str(number)}, {"plan": "größer 🎉", "seats": number}
        row = (f"tenant-{number:04}", f"Tenant {number}", json.dumps(mapping), json.dumps(properties))
        if number % 100 == 50:
            row = (*row[:2], '{"not digits": "1"}', row[3]) if number % 200 == 50 else (row[0], "", *row[2:])
        rows.append(row)
    return rows


def tokens_in(explo: ExploEmulator) -> dict[str, str]:
    return {group.provided_id: group.token for group in explo.groups}


def finished(child: Child, *, timeout: float = 120) -> dict[str, Any]:
    """The summary of a run that succeeds."""
    out, log = child.communicate(timeout)
    assert child.returncode == 0, log
    return dict(json.loads(out.splitlines()[-1]))


def failed(child: Child, *, timeout: float = 120) -> str:
    """The log of a run that does not."""
    _, log = child.communicate(timeout)
    assert child.returncode == 1, log
    return log


def sent(explo: ExploEmulator) -> Iterable[str]:
    """The paths of the requests that change something."""
    return [request.path for request in explo.requests if "/customers/" not in request.path]


def check(start: Callable[..., Child], explo: ExploEmulator, tokens: Tokens, **arguments: Any) -> None:
    """Run it.

    :param start: starts the operator in a process of its own.
    :param tokens: reads the token table.
    """
    arguments = {"sql": SQL, "on_rejected": "skip", **arguments}
    first = start(**arguments)
    wait_until(
        lambda: len(explo.groups) > TENANTS // 2 or first.returncode is not None,
        what="half of it",
        patience=60,
        pause=0.01,
    )
    first.kill()
    assert first.returncode == -signal.SIGKILL, first.communicate(1)
    assert 0 < len(tokens()) < TENANTS - BAD

    summary = finished(start(**arguments))
    assert summary["rejected"] == BAD
    assert len(explo.groups) == TENANTS - BAD
    assert tokens() == tokens_in(explo)

    explo.clear_requests()
    summary = finished(start(**arguments))
    assert (summary["unchanged"], summary["rejected"]) == (TENANTS - BAD, BAD)
    assert sent(explo) == []
    assert tokens() == tokens_in(explo)
