"""The list of customers, page by page, whatever the server makes of the asked page size."""

from __future__ import annotations

from itertools import islice

import pytest

from airflow_provider_explo.exceptions import ExploProtocolError, ExploRefusedError


def page(kit, *ids, **fields):
    return kit.respond({"results": {"customers": [kit.group(provided_id) for provided_id in ids]}, **fields})


def listed(client, **options):
    return [group.provided_id for group in client.list_user_groups(**options)]


def pages_asked_for(explo):
    return [request.target.partition("page=")[2].partition("&")[0] for request in explo.received]


def test_all_pages_are_read_up_to_the_total(kit, explo, client):
    explo.will(page(kit, "a", "b", total_count=3), page(kit, "c", total_count=3))

    assert listed(client) == ["a", "b", "c"]
    assert pages_asked_for(explo) == ["1", "2"]


def test_without_a_total_an_empty_page_is_the_end(kit, explo, client):
    explo.will(page(kit, "a"), page(kit, "b"), page(kit))

    assert listed(client) == ["a", "b"]
    assert pages_asked_for(explo) == ["1", "2", "3"]


def test_an_empty_page_is_the_end_even_before_the_total(kit, explo, client):
    explo.will(page(kit, "a", total_count=9), page(kit, total_count=9))

    assert listed(client) == ["a"]


def test_a_page_that_only_repeats_is_the_end(kit, explo, client):
    explo.will(*[page(kit, "a", "b", total_count=9)] * 5)

    assert listed(client) == ["a", "b"]
    assert len(explo.received) == 2


def test_overlapping_pages_give_each_group_once(kit, explo, client):
    explo.will(page(kit, "a", "b"), page(kit, "b", "c"), page(kit))

    assert listed(client) == ["a", "b", "c"]


def test_a_smaller_page_than_asked_for_is_not_the_last(kit, explo, client):
    explo.will(*[page(kit, f"tenant-{number}", total_count=30) for number in range(30)])

    assert len(listed(client, page_size=1000)) == 30


def test_the_size_is_sent_in_both_spellings(kit, explo, client):
    listed(client, page_size=7)

    assert explo.received[0].target == "/v2/api/customers/?page=1&page_size=7&pageSize=7"


@pytest.mark.parametrize("key", ["count", "totalCount", "total_count"])
def test_the_older_spelling_is_read(kit, explo, client, key):
    row = {"providedId": "a", "token": kit.TENANT_TOKEN, "name": "A", "isDemoGroup": False, "accessGroup": "prod"}
    explo.will(kit.respond({key: 1, "results": {"customers": [row]}}))

    (group,) = client.list_user_groups()

    assert (group.provided_id, group.token, group.name) == ("a", kit.TENANT_TOKEN, "A")
    assert group.details == {"is_demo_group": False, "access_group": "prod"}
    assert len(explo.received) == 1


def test_the_documented_spelling_goes_before_the_older_one(kit, explo, client):
    row = {"providedId": "other", **kit.group("a"), "Token": "another-token"}
    explo.will(kit.respond({"total_count": 1, "results": {"customers": [row]}}))

    (group,) = client.list_user_groups()

    assert (group.provided_id, group.token) == ("a", kit.TENANT_TOKEN)


def test_pages_are_fetched_only_as_they_are_used(kit, explo, client):
    explo.will(*[page(kit, f"a{number}", f"b{number}") for number in range(9)])

    assert len(list(islice(client.list_user_groups(), 3))) == 3
    assert len(explo.received) == 2


def test_a_page_that_fails_for_a_while_is_asked_for_again(kit, explo, client):
    explo.will(page(kit, "a"), kit.respond(status=429), None, page(kit, "b"), page(kit))

    assert listed(client) == ["a", "b"]
    assert pages_asked_for(explo) == ["1", "2", "2", "2", "3"]


def test_success_is_optional_in_a_list_and_zero_is_an_error(kit, explo, client):
    explo.will(page(kit, "a", success=0))

    assert type(kit.failure(lambda: listed(client))) is ExploRefusedError


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"results": None},
        {"results": []},
        {"results": {}},
        {"results": {"customers": None}},
        {"results": {"customers": {"a": 1}}},
        {"results": {"customers": ["a"]}},
        {"results": {"customers": [{"provided_id": "a"}]}},
        {"results": {"customers": [{"token": "t"}]}},
        {"results": {"customers": [{"provided_id": 1, "token": "t"}]}},
        {"results": {"customers": [{"provided_id": "a", "token": ""}]}},
    ],
)
def test_a_list_of_another_shape_is_refused(kit, explo, client, payload):
    explo.will(kit.respond({"total_count": 1, **payload}))

    error = kit.failure(lambda: listed(client))

    assert type(error) is ExploProtocolError
    assert error.endpoint == "GET /v2/api/customers/"


@pytest.mark.parametrize("total", ["3", None, 2.5, [3]])
def test_a_total_that_is_no_number_is_ignored(kit, explo, client, total):
    explo.will(page(kit, "a", total_count=total), page(kit, "b", total_count=total))
    explo.will(page(kit, total_count=total))

    assert listed(client) == ["a", "b"]
