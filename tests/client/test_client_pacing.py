"""The requests of a client share one rate limiter."""

from __future__ import annotations

from itertools import pairwise

import pytest

from airflow_provider_explo.client.rate_limiter import HEADROOM, RateLimiter

LIMIT, WINDOW = 180, 60.0
INTERVAL = WINDOW / (LIMIT * HEADROOM)


def test_requests_of_a_client_are_spaced_evenly(kit, explo, new_client, clock):
    client = new_client(rate_limiter=RateLimiter(LIMIT, clock=clock, sleep=clock.sleep))
    left = []

    for _ in range(20):
        kit.create(client)
        left.append(clock.now)

    assert [later - earlier for earlier, later in pairwise(left)] == pytest.approx([INTERVAL] * 19)


def test_retries_take_from_the_same_budget(kit, explo, new_client, clock):
    explo.will(*[kit.respond(status=429, headers={"Retry-After": "0"})] * 5)
    client = new_client(rate_limiter=RateLimiter(1, clock=clock, sleep=clock.sleep), retry_timeout=1e6)
    began = clock.now

    kit.create(client)

    assert clock.now - began > 5 * 60


def test_the_rate_recovers_after_rejected_requests_too(kit, explo, new_client, clock):
    rate_limiter = RateLimiter(1e12, clock=clock, sleep=clock.sleep)
    client = new_client(rate_limiter=rate_limiter)
    explo.will(kit.respond(status=429), *[kit.respond(status=400)] * 2, kit.respond(status=500))

    kit.failure(lambda: kit.create(client))
    kit.failure(lambda: kit.create(client))
    after_refusals = rate_limiter.rate
    kit.create(client)

    assert after_refusals == pytest.approx(0.54 * 1e12 * HEADROOM / 60)
    assert rate_limiter.rate == pytest.approx(0.56 * 1e12 * HEADROOM / 60)
