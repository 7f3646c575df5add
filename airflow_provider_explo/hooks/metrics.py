"""Metrics, through Airflow's ``Stats``. No name holds an id, so that their number does not grow with the tenants."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

RATE_LIMITED = 429

log = logging.getLogger(__name__)


def count_request(status: int | None, seconds: float) -> None:
    """Count one HTTP request: ``explo.requests``, ``explo.request.duration`` and ``explo.rate_limited``.

    :param status: of the response, or None where there was none.
    :param seconds: how long it took, without waiting for the budget.
    """

    def send(stats: Any) -> None:
        stats.incr("explo.requests")
        # Airflow 2 takes a number for seconds or milliseconds, by its settings.
        stats.timing("explo.request.duration", timedelta(seconds=seconds))
        if status == RATE_LIMITED:
            stats.incr("explo.rate_limited")

    _send(send)


def count_tenants(outcomes: Iterable[str] | Mapping[Any, int]) -> None:
    """Count tenants by outcome: ``explo.tenants.created``, and so on.

    :param outcomes: one for each tenant, or their counts.

    In the name and not in a tag: plain StatsD has no tags.
    """

    def send(stats: Any) -> None:
        for outcome, count in Counter(outcomes).items():
            if count:
                stats.incr(f"explo.tenants.{outcome}", count)

    _send(send)


def _send(send: Callable[[Any], None]) -> None:
    from airflow.providers.common.compat.sdk import Stats

    try:
        send(Stats)
    except Exception:
        # Whatever a metrics backend does, a token that came is to be saved.
        log.debug("Metrics not sent", exc_info=True)
