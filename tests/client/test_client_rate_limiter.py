"""The request budget: even, without a burst, within 3 % of the ideal, and slower for all after a 429."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_explo.client.rate_limiter import HEADROOM, LATE_TOLERANCE, MIN_RATE_FRACTION, RateLimiter

LIMIT, WINDOW = 180, 60.0
INTERVAL = WINDOW / (LIMIT * HEADROOM)
CALLS = 600
FULL_RATE = LIMIT * HEADROOM / WINDOW


class LateClock:
    """A clock whose sleeps last a little longer than asked."""

    def __init__(self, start=0.0, overruns=(0.0,)):
        self.now = start
        self._overruns = cycle(overruns)

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds + next(self._overruns)

    def rate_limiter(self, requests_per_minute=LIMIT):
        return RateLimiter(requests_per_minute, clock=self, sleep=self.sleep)


class FixedWindow:
    def __init__(self, offset):
        self._offset, self._window, self._count = offset, None, 0

    def admits(self, now):
        window = (now + self._offset) // WINDOW
        self._count = 1 if window != self._window else self._count + 1
        self._window = window
        return self._count <= LIMIT


class SlidingWindow:
    def __init__(self, offset):
        self._times = deque()

    def admits(self, now):
        while self._times and self._times[0] <= now - WINDOW:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= LIMIT


class TokenBucket:
    """Holds only a few tokens, which is the hardest: a limiter of this kind forgives no burst."""

    CAPACITY = 3.0

    def __init__(self, offset):
        self._tokens, self._at = self.CAPACITY, None

    def admits(self, now):
        passed = 0.0 if self._at is None else now - self._at
        self._tokens = min(self.CAPACITY, self._tokens + passed * LIMIT / WINDOW) - 1
        self._at = now
        return self._tokens >= 0


@pytest.mark.parametrize("limiter", [FixedWindow, SlidingWindow, TokenBucket])
@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(0, 1e6),
    offset=st.floats(0, WINDOW),
    overruns=st.lists(st.floats(0, 0.05), min_size=1, max_size=7),
    responses_take=st.lists(st.floats(0, INTERVAL * 0.7), min_size=1, max_size=7),
)
def test_a_run_at_the_limit_meets_no_429_and_takes_3_percent_more_than_ideal_at_most(
    limiter, start, offset, overruns, responses_take
):
    clock, server, took = LateClock(start, overruns), limiter(offset), cycle(responses_take)
    rate_limiter = clock.rate_limiter()

    for _ in range(CALLS):
        rate_limiter.wait()
        assert server.admits(clock.now)
        clock.now += next(took)

    assert clock.now - start <= 1.03 * CALLS * WINDOW / LIMIT


@given(st.lists(st.floats(0, 5), min_size=30, max_size=60))
def test_no_burst_after_an_idle_time(pauses):
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    left = []

    for pause in pauses:
        clock.now += pause
        left.append(rate_limiter.wait())

    assert min(later - earlier for earlier, later in pairwise(left)) >= INTERVAL * (1 - LATE_TOLERANCE) - 1e-9


def test_threads_share_the_budget(clock):
    rate_limiter = RateLimiter(LIMIT, clock=clock, sleep=clock.sleep)

    with ThreadPoolExecutor(8) as pool:
        left = sorted(pool.map(lambda _: rate_limiter.wait(), range(200)))

    assert min(later - earlier for earlier, later in pairwise(left)) >= INTERVAL * (1 - LATE_TOLERANCE) - 1e-9


def test_a_request_is_sent_no_earlier_than_asked():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()

    assert rate_limiter.wait(not_before=50) == 50
    assert rate_limiter.wait(not_before=10) == pytest.approx(50 + INTERVAL)


def test_a_late_request_does_not_delay_the_others():
    clock = LateClock(overruns=[INTERVAL * LATE_TOLERANCE / 2])
    rate_limiter = clock.rate_limiter()

    for _ in range(100):
        last = rate_limiter.wait()

    assert last < 100 * INTERVAL


def test_a_429_pauses_all_requests_and_halves_the_rate():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    left = rate_limiter.wait()

    rate_limiter.slow_down(30, sent_at=left)

    assert rate_limiter.paused_for == 30
    assert rate_limiter.rate == pytest.approx(FULL_RATE / 2)
    assert [rate_limiter.wait() for _ in range(3)] == pytest.approx([30, 30 + 2 * INTERVAL, 30 + 4 * INTERVAL])
    assert rate_limiter.paused_for == 0


def test_requests_in_flight_together_slow_down_once():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    left = [rate_limiter.wait() for _ in range(4)]

    for sent_at in left:
        rate_limiter.slow_down(0, sent_at=sent_at)
        clock.now += 0.1

    assert rate_limiter.rate == pytest.approx(FULL_RATE / 2)


def test_a_later_429_slows_down_again_but_never_to_a_halt():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    rates = []

    for _ in range(10):
        clock.now += 1
        rate_limiter.slow_down(0, sent_at=rate_limiter.wait())
        rates.append(rate_limiter.rate / FULL_RATE)

    assert rates[:5] == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16, MIN_RATE_FRACTION])
    assert rates[5:] == pytest.approx([MIN_RATE_FRACTION] * 5)


def test_the_longest_of_several_pauses_holds():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    left = [rate_limiter.wait(), rate_limiter.wait()]

    rate_limiter.slow_down(40, sent_at=left[0])
    rate_limiter.slow_down(5, sent_at=left[1])

    assert rate_limiter.wait() == pytest.approx(left[1] + 40)


def test_the_rate_recovers_by_equal_steps_up_to_the_full_one_and_no_further():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    rate_limiter.slow_down(0, sent_at=rate_limiter.wait())
    rates = []

    for _ in range(40):
        rates.append(rate_limiter.rate)
        rate_limiter.recover()

    steps = [later - earlier for earlier, later in pairwise(rates)]
    assert steps[:25] == pytest.approx([FULL_RATE / 50] * 25)
    assert rates[25:] == pytest.approx([FULL_RATE] * 15)


def test_wait_returns_none_at_once_for_a_pause_that_is_too_long():
    clock = LateClock()
    rate_limiter = clock.rate_limiter()
    rate_limiter.slow_down(100, sent_at=rate_limiter.wait())
    began = clock.now

    assert rate_limiter.wait(until=100) is None
    assert rate_limiter.wait(not_before=200, until=150) is None
    assert clock.now == began
    assert rate_limiter.wait(until=101) == 100


def test_a_short_pause_after_a_long_wait_for_ones_turn_is_waited_out():
    clock = LateClock()
    rate_limiter = clock.rate_limiter(1)
    rate_limiter.wait()

    class Paused(LateClock):
        """While this one waits for its turn, a minute, another request meets a 429."""

        def sleep(self, seconds):
            clock.sleep(seconds)
            if clock.now < 62:
                rate_limiter.slow_down(2.0, sent_at=clock.now)

    rate_limiter._sleep = Paused().sleep
    assert rate_limiter.wait(max_pause=5) == pytest.approx(clock.now)
    assert clock.now > 62
    rate_limiter.slow_down(6.0, sent_at=clock.now)
    assert rate_limiter.wait(max_pause=5) is None
    assert rate_limiter.paused_for == pytest.approx(6)
