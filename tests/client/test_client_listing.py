"""The list of customers, page by page, whatever the server makes of the asked page size."""

from __future__ import annotations

import tracemalloc
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


def pages(client, **options):
    return [[group.provided_id for group in page] for page in client.pages(**options)]


def test_pages_come_one_by_one_each_with_what_is_new(kit, explo, client):
    explo.will(page(kit, "a", "b", total_count=5), page(kit, "b", "c", total_count=5), page(kit, total_count=5))

    assert pages(client, page_size=2) == [["a", "b"], ["c"]]
    assert pages_asked_for(explo) == ["1", "2", "3"]


def test_a_row_inserted_while_reading_does_not_end_the_list_early(kit, explo, client):
    # Each page starts with the row that the page before ended with, so four pages hold five rows.
    explo.will(*[page(kit, f"t{number}", f"t{number + 1}", total_count=5) for number in range(4)])

    assert listed(client) == ["t0", "t1", "t2", "t3", "t4"]
    assert len(explo.received) == 4


def test_a_server_that_starts_again_after_the_last_page_ends_the_list(kit, explo, client):
    explo.will(*[page(kit, *ids) for ids in (("a", "b"), ("c",), ("d",), ("a", "b"), ("c",))])

    assert listed(client) == ["a", "b", "c", "d"]
    assert len(explo.received) == 4


@pytest.mark.parametrize("total", [None, 9])
def test_pages_that_alternate_for_ever_are_an_error(kit, explo, client, total):
    explo.will(*[page(kit, *ids, total_count=total) for ids in [("a", "b"), *[("c", "d"), ("d", "e"), ("e", "f")] * 9]])

    error = kit.failure(lambda: listed(client))

    assert type(error) is ExploProtocolError
    assert "page 5: GET /v2/api/customers/" in str(error)
    assert "the list of customers repeats an earlier page" in str(error)
    assert len(explo.received) == 5


def test_a_server_that_repeats_its_page_in_another_order_ends_the_list(kit, explo, client):
    explo.will(page(kit, "a", "b", "c"), page(kit, "c", "a", "b"))

    assert pages(client) == [["a", "b", "c"]]


def test_rows_of_one_page_with_one_id_both_come(kit, explo, client):
    explo.will(page(kit, "a", "a", "b", total_count=3), page(kit, total_count=3))

    assert listed(client) == ["a", "a", "b"]


def test_the_page_and_the_row_of_an_error_are_named(kit, explo, client):
    rows = {"results": {"customers": [kit.group("c"), {"provided_id": "d"}]}}
    explo.will(page(kit, "a", "b"), kit.respond(rows))

    error = kit.failure(lambda: listed(client))

    assert type(error) is ExploProtocolError
    assert "page 2: GET /v2/api/customers/" in str(error)
    assert "row 2: the token is missing" in str(error)


@pytest.mark.slow
def test_reading_a_long_list_keeps_memory_flat(kit, explo, client):
    def numbered(number):
        return page(kit, *[f"tenant-{number}-{row}" for row in range(1000)])

    def peak(number_of_pages):
        explo.will(*[numbered(number) for number in range(number_of_pages)], page(kit))
        tracemalloc.start()
        for _ in client.pages():
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(12) - peak(3) < 500_000


def test_tags_are_listed(kit, explo, client):
    assert client.list_group_tags() == ["gold", "eu"]
    assert [(request.method, request.target) for request in explo.received] == [("GET", "/api/group_tags/")]


@pytest.mark.parametrize("tags", [None, {}, "gold", ["gold"], [{}], [{"name": None}], [{"name": "gold"}, 1]])
def test_tags_of_another_shape_are_refused(kit, explo, client, tags):
    explo.will(kit.respond({"success": 1, "group_tags": tags}))

    assert type(kit.failure(client.list_group_tags)) is ExploProtocolError


def test_a_tag_is_created_once(kit, explo, client):
    client.create_group_tag(name="gold")
    explo.will(None)
    error = kit.failure(lambda: client.create_group_tag(name="gold"))

    assert error.ambiguous
    assert "group tag 'gold': POST /api/create_group_tag/" in str(error)
    assert [request.json for request in explo.received] == [{"name": "gold"}] * 2
