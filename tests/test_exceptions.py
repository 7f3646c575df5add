"""Errors keep what they know on their way through pickling, copying and repr."""

from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_explo import exceptions
from airflow_provider_explo.exceptions import (
    ExploApiError,
    ExploConfigError,
    ExploError,
    ExploValidationError,
    Problem,
    counted,
)

KINDS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, ExploError)]
API_KINDS = [kind for kind in KINDS if issubclass(kind, ExploApiError)]
COPIES = [
    *(lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol)) for protocol in range(6)),
    copy.copy,
    copy.deepcopy,
]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("kind", API_KINDS)
def test_an_api_error_is_the_same_after_a_round_trip(kind, copied):
    error = kind("what happened", status=503, endpoint="POST /x/", retry_after=2.5, ambiguous=True)

    result = copied(error)

    assert type(result) is kind
    assert (str(result), result.args, vars(result)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("kind", API_KINDS)
def test_what_is_not_known_of_a_response_is_none(kind):
    error = kind("what happened")

    assert (error.status, error.endpoint, error.retry_after, error.ambiguous) == (None, None, None, False)
    assert str(error) == "what happened"


@pytest.mark.parametrize("copied", COPIES)
def test_a_validation_error_keeps_its_problems(copied):
    problem = Problem(path="$.name", found="''", expected="text", fix="give a name")
    error = ExploValidationError("the name is empty", [problem])

    result = copied(error)

    assert type(result) is ExploValidationError
    assert (str(result), result.problems) == ("the name is empty", (problem,))


@pytest.mark.parametrize("copied", COPIES)
def test_a_config_error_keeps_its_message(copied):
    assert str(copied(ExploConfigError("host: missing"))) == "host: missing"


def test_a_validation_error_may_have_no_problems():
    assert ExploValidationError("wrong").problems == ()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_in_the_documented_tree(kind):
    assert kind.__name__ in exceptions.__doc__
    assert kind.__doc__


def test_the_tree_is_as_documented():
    assert {kind.__name__: kind.__base__.__name__ for kind in KINDS} == {
        "ExploError": "Exception",
        "ExploConfigError": "ExploError",
        "ExploValidationError": "ExploError",
        "ExploPlanRefusedError": "ExploError",
        "ExploApiError": "ExploError",
        "ExploAuthError": "ExploApiError",
        "ExploRefusedError": "ExploApiError",
        "ExploEndpointGoneError": "ExploApiError",
        "ExploRateLimitError": "ExploApiError",
        "ExploUnavailableError": "ExploApiError",
        "ExploProtocolError": "ExploApiError",
    }


def test_a_refused_plan_is_not_retried():
    assert exceptions.ExploPlanRefusedError in exceptions.NON_RETRYABLE


def test_a_message_has_its_details_on_lines_of_their_own():
    assert exceptions.message("it failed") == "it failed"
    assert exceptions.message("it failed", found="1", fix="write 2") == "it failed\n  found: 1\n  fix: write 2"


def test_an_id_is_escaped_and_shortened():
    text = str(exceptions.validation_error("a\nb" * 1000, []))
    assert text.startswith("tenant 'a\\nba\\nb")
    assert "\n" not in text
    assert len(text) < 300


def test_one_thing_is_not_several():
    assert [counted(number, "row") for number in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
