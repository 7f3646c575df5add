"""The retry decision and the ``Retry-After`` header, as plain functions."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo import exceptions
from airflow_provider_explo.client.errors import MAX_RETRY_AFTER, parse_retry_after
from airflow_provider_explo.client.retrying import RetryPolicy
from airflow_provider_explo.exceptions import ExploApiError, ExploRateLimitError, ExploUnavailableError

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
RETRYABLE = (ExploRateLimitError, ExploUnavailableError)
LONGEST = RetryPolicy(uniform=lambda low, high: high)
SHORTEST = RetryPolicy(uniform=lambda low, high: low)


def delay(policy, error, *, attempt=1, repeatable=True, time_left=1e9):
    return policy.delay(attempt, error, repeatable=repeatable, time_left=time_left)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, ExploApiError)],
)
def test_only_rate_limit_and_unavailability_are_retried(kind):
    assert (delay(LONGEST, kind("x")) is not None) is (kind in RETRYABLE)


def test_the_back_off_doubles_up_to_its_cap_with_full_jitter():
    error = ExploUnavailableError("x")

    assert [delay(LONGEST, error, attempt=number) for number in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert {delay(SHORTEST, error, attempt=number) for number in range(1, 9)} == {0}
    assert delay(LONGEST, error, attempt=100_000) == 60


def test_a_429_without_a_time_waits_on_the_scale_of_the_window():
    error = ExploRateLimitError("x", status=429)

    assert (delay(SHORTEST, error), delay(LONGEST, error)) == (30, 60)


@pytest.mark.parametrize("kind", RETRYABLE)
@pytest.mark.parametrize("policy", [LONGEST, SHORTEST])
def test_no_wait_is_shorter_than_the_server_asked_for(kind, policy):
    assert delay(policy, kind("x", retry_after=40.0)) == 40.0


def test_a_retry_after_of_zero_still_backs_off():
    error = ExploRateLimitError("x", retry_after=0.0)

    assert [delay(LONGEST, error, attempt=number) for number in (1, 2, 3)] == [1, 2, 4]


@pytest.mark.parametrize("kind", RETRYABLE)
def test_what_may_have_been_carried_out_is_repeated_only_where_that_is_harmless(kind):
    assert delay(LONGEST, kind("x", ambiguous=True), repeatable=False) is None
    assert delay(LONGEST, kind("x", ambiguous=True), repeatable=True) is not None
    assert delay(LONGEST, kind("x", ambiguous=False), repeatable=False) is not None


@given(
    st.integers(1, 10_000),
    st.floats(-10, 1e6),
    st.none() | st.floats(0, MAX_RETRY_AFTER),
    st.sampled_from(RETRYABLE),
    st.floats(0, 1),
)
def test_a_wait_always_fits_into_the_time_left(attempt, time_left, retry_after, kind, jitter):
    policy = RetryPolicy(uniform=lambda low, high: low + jitter * (high - low))

    wait = delay(policy, kind("x", retry_after=retry_after), attempt=attempt, time_left=time_left)

    assert wait is None or 0 <= wait < time_left


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("3600", 3600.0),
        ("3601", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        (None, None),
        ("", None),
        ("   ", None),
        ("-5", None),
        ("+5", None),
        ("1.5", 1.5),
        ("0.25", 0.25),
        ("3600.5", MAX_RETRY_AFTER),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("5, 5", None),
        ("soon", None),
        ("Mon, 99999999999999999999 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026 12:00:00 +99999999999999999999", None),
        ("Sun, 32 Mar 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_clamped(header, seconds):
    assert parse_retry_after(header, now=lambda: NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sun, 01 Mar 2026 12:00:28 GMT", 2.0),
        ("Sun, 01 Mar 2026 13:00:28 +0100", 2.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 0.0),
        ("yesterday", 30.0),
        ("", 30.0),
        (None, 30.0),
    ],
)
def test_a_date_counts_from_the_responses_own_date(date, seconds):
    assert parse_retry_after("Sun, 01 Mar 2026 12:00:30 GMT", date=date, now=lambda: NOW) == seconds


def test_a_date_is_compared_with_the_real_time_by_default():
    header = format_datetime(datetime.now(timezone.utc) + timedelta(minutes=30), usegmt=True)

    assert 1700 < parse_retry_after(header) <= 1800


@given(st.text() | st.from_regex(r"\A\w{3}, [0-9]{1,25} (Jan|Dec) [0-9]{1,25} [0-9:]{1,12} [-+0-9A-Z]{0,25}"))
def test_no_header_breaks_the_reading(header):
    seconds = parse_retry_after(header, now=lambda: NOW)

    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER
