"""Problems by cause: what they have in common, counted, on a page, in bounded memory."""

from __future__ import annotations

import json
import random
import tracemalloc

import pytest

from airflow_provider_explo.exceptions import (
    ExploAuthError,
    ExploConfigError,
    ExploRefusedError,
    ExploUnavailableError,
    Problem,
    message,
    validation_error,
)
from airflow_provider_explo.tenants.outcome import Outcome, Summary
from airflow_provider_explo.tenants.page import MAX_CHARACTERS, MAX_LINES, WIDTH

CREATE = "POST /embed/create_user_group/"


def rejected(row, *problems, tenant=None):
    tenant = tenant or f"t{row}"
    error = validation_error(
        tenant, [Problem(path=path, found=found, expected="text", fix="write text") for path, found in problems]
    )
    reason = "\n".join(map(str, error.problems))
    return Outcome(row=row, user_group_id=tenant, kind="rejected", reason=reason, error=error)


def unauthorized(tenant):
    text = message(f"tenant {tenant!r}: {CREATE}: HTTP 401, Explo rejected the API token", fix="check the password")
    return ExploAuthError(text, status=401, endpoint=CREATE)


def failed(row, error, *, unsent=False):
    reason = f"not sent: the run gave up after: {error}" if unsent else str(error).partition(": ")[2]
    return Outcome(row=row, user_group_id=f"t{row}", kind="failed", reason=reason, error=error, unsent=unsent)


def summary_of(*outcomes):
    summary = Summary()
    for outcome in outcomes:
        summary.add(outcome)
    return summary


def causes(summary):
    return [(cause["cause"], cause["count"]) for cause in summary.as_dict()["problems"]]


def test_what_ended_the_run_comes_first_however_late_it_came():
    error = unauthorized("t21")
    summary = summary_of(
        *(rejected(row, ("$.name", "''")) for row in range(1, 101)),
        failed(101, unauthorized("t101")),
        *(failed(row, error, unsent=True) for row in range(102, 112)),
    )
    summary.causes.end(error)
    first, second = summary.as_dict()["problems"]
    assert (first["status"], first["endpoint"], first["count"], first["unsent"]) == (401, CREATE, 11, 10)
    assert (first["ended_run"], second["ended_run"], second["count"]) == (True, False, 100)
    assert (first["fix"], second["fix"]) == ("check the password", "write text")
    lines = summary.page().splitlines()
    assert lines[1] == f"{CREATE}: HTTP 401, Explo rejected the API token"
    assert lines[2].startswith("  this ended the run; failed: 11 rows, 10 of them not sent, such as row 101 't101'")
    assert [line for line in lines if "check the password" in line] == ["  fix: check the password"]
    assert "tenant 't21'" not in summary.page()


def test_an_error_that_ended_the_run_after_the_last_row_is_shown_too():
    summary = summary_of(rejected(1, ("$.name", "''")))
    summary.causes.end(ExploUnavailableError("GET /v2/: HTTP 503, away", status=503, endpoint="GET /v2/"))
    assert causes(summary) == [("GET /v2/: HTTP 503, away", 0), ("$.name: expected text", 1)]
    assert "GET /v2/: HTTP 503, away\n  this ended the run; failed: 0 rows\n" in summary.page()


def test_the_index_in_a_list_is_no_difference_and_a_tenant_is_counted_once():
    summary = summary_of(
        rejected(1, ("$.emails[0]", "1"), ("$.emails[7]", "2")),
        rejected(2, ("$.emails[12]", "3"), ("$.name", "''")),
    )
    problems = summary.as_dict()["problems"]
    assert [(problem["field"], problem["count"]) for problem in problems] == [("$.emails[*]", 2), ("$.name", 1)]
    assert [example["user_group_id"] for example in problems[0]["examples"]] == ["t1", "t2"]
    assert problems[0]["examples"][0]["reason"].startswith("$.emails[0]\n  found: 1\n")


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        (
            ["conflicts with row 1 (same id); row 1 was used", "conflicts with row 22 (same id); row 22 was used"],
            "conflicts with row … (same id); row … was used",
        ),
        (["parent 'a' is nowhere", 'parent "b\'s" is nowhere'], "parent … is nowhere"),
        (["a cycle: 'a' → 'b' → 'a'", "a cycle: 'c' → 'c'"], "a cycle: …"),
        (["another tenant's group (provided_id 'x')", "another tenant's group (provided_id 'y')"], None),
        (["if_exists is 'fail'", "if_exists is 'fail'"], "if_exists is 'fail'"),
    ],
)
def test_reasons_that_differ_in_a_value_have_one_cause(reasons, cause):
    summary = summary_of(
        *(Outcome(row=row, user_group_id="t", kind="rejected", reason=reason) for row, reason in enumerate(reasons, 1))
    )
    ((title, count),) = causes(summary)
    assert count == 2
    assert title == (cause or "another tenant's group (provided_id …)")
    if reasons[0] != reasons[1]:
        assert all(reason in summary.page() for reason in reasons)


def test_another_status_endpoint_or_outcome_is_another_cause():
    def error(status, endpoint):
        return ExploRefusedError(f"tenant 't': {endpoint}: HTTP {status}, no", status=status, endpoint=endpoint)

    summary = summary_of(
        failed(1, error(400, "POST /a/")),
        failed(2, error(409, "POST /a/")),
        failed(3, error(400, "POST /b/")),
        failed(4, error(400, "POST /b/")),
        Outcome(row=5, user_group_id="t", kind="rejected", reason="POST /b/: HTTP 400, no"),
    )
    assert [count for _, count in causes(summary)] == [2, 1, 1, 1]


def test_a_setting_that_ends_the_run_is_one_cause_for_all_tenants():
    error = ExploConfigError(message("tenant 't1': POST /a/: TLS failed", fix="set verify"))
    summary = summary_of(failed(1, error), failed(2, error, unsent=True))
    assert causes(summary) == [("POST /a/: TLS failed", 2)]


def test_a_million_causes_fit_into_the_memory_of_some():
    summary = Summary()
    tracemalloc.start()
    for row in range(1, 201):
        summary.add(rejected(row, (f"$.properties.field_{row}.plan", "x" * 80)))
    before, _ = tracemalloc.get_traced_memory()
    for row in range(201, 1_201):
        summary.add(rejected(row, (f"$.properties.field_{row}.plan", "x" * 80)))
        summary.add(Outcome(row=row, user_group_id="t", kind="failed", reason=f"reason {'x' * row}"))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 100_000
    for row in range(1_201, 1_301):
        summary.add(rejected(row, ("$.name", "''")))
    problems = summary.as_dict()["problems"]
    assert len(problems) <= 45
    assert sum(problem["count"] for problem in problems) == summary.counts.total() == 2_300
    named = {problem["cause"]: problem["count"] for problem in problems}
    assert (named["$.name: other problems"], named["$.properties: other problems"]) == (100, 1_180)
    assert len(json.dumps(summary.as_dict())) < 100_000
    assert [problem["cause"].endswith("other problems") for problem in problems[-3:]] == [True] * 3


@pytest.mark.parametrize("path", ["$.mapping['k{}']", "$.properties.k{}"])
def test_keys_that_come_from_the_data_make_one_cause(path):
    summary = summary_of(*(rejected(row, (path.format(f"x{row}"), f"'{row}'")) for row in range(1, 3_001)))
    first, *others = summary.as_dict()["problems"]
    parent = path.rpartition("{")[0].rstrip("k['.")
    assert (first["field"], first["count"] + sum(other["count"] for other in others)) == (f"{parent}.*", 3_000)
    assert len(others) <= 3
    assert first["fix"] == "write text"


def test_the_page_is_a_page_and_no_wider_than_airflows():
    chance = random.Random(1)
    alphabet = "abc äö中文🎉'\"`*_|<>\\\n\x00"
    for _ in range(30):
        summary = Summary()
        for row in range(chance.randrange(1, 60)):
            junk = "".join(chance.choices(alphabet, k=chance.randrange(1, 400)))
            summary.add(rejected(row, (f"$.properties.f{row % chance.randrange(1, 40)}", junk[:80]), tenant=junk))
            summary.add(Outcome(row=row, user_group_id=junk, kind="failed", reason=f"{row}{junk}"))
        for text in (summary.page("last line"), summary.as_dict()["text"]):
            assert text.count("\n") < MAX_LINES
            assert len(text) <= MAX_CHARACTERS
        assert summary.page("last line").endswith("\nlast line")
    plain = summary_of(*(rejected(row, (f"$.properties.f{row % 30}.plan", f"'{row}'")) for row in range(100)))
    assert max(map(len, plain.page().splitlines())) <= WIDTH
    assert plain.page().splitlines()[-2].startswith("and ")
    assert len(plain.page()) <= MAX_CHARACTERS


def test_values_are_code_in_markdown():
    summary = summary_of(rejected(1, ("$.name", "'`<!channel> [x](http://evil.example) **b**'"), tenant="`<!here>"))
    text = summary.as_dict()["text"]
    assert text.splitlines() == [
        "**1 row: 0 created, 0 existing, 0 updated, 0 unchanged, 1 rejected, 0 failed**",
        "",
        "- `$.name: expected text`",
        "    - rejected: 1 row: `''<!here>'` (`found: ''<!channel> [x](http://evil.example) **b**'`)",
        "    - fix: `write text`",
    ]


def test_a_run_without_problems_has_none():
    summary = summary_of(Outcome(row=1, user_group_id="t", kind="created"))
    assert summary.as_dict()["problems"] == []
    assert summary.as_dict()["text"] == "**1 row: 1 created, 0 existing, 0 updated, 0 unchanged, 0 rejected, 0 failed**"
