"""A token replaced: lost responses, kills and rivals, and Explo and the token table hold the same token in the end."""

from __future__ import annotations

import random
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import (
    ExploError,
    ExploProtocolError,
    ExploUnavailableError,
)
from airflow_provider_explo.sync.refresh_token import refresh_token
from tests.client.conftest import StandIn, respond
from tests.errors import everything_shown
from tests.sync import child
from tests.sync.conftest import HASH

GET, REFRESH, LIST = "get_customer", "refresh_user_group_token", "customers"
KILLS = 30


def test_it_takes_three_requests_and_keeps_name_and_hash(world):
    before = world.add()
    group = world.run(refresh_token, "acme")
    assert world.sent == [GET, REFRESH, GET]
    assert group.token == world.in_explo["acme"]
    world.assert_refreshed(before)
    row = world.rows()["acme"]
    assert (row["name"], row["content_hash"]) == ("Saved", HASH)


def test_a_tenant_without_a_row_gets_one_that_the_next_sync_compares(world):
    before = world.add(saved=False)
    world.run(refresh_token, "acme")
    world.assert_refreshed(before)
    row = world.rows()["acme"]
    assert (row["name"], row["content_hash"]) == ("Acme", "?")


def test_without_a_table_the_new_token_comes_back(world):
    before = world.add(saved=False)
    group = world.run(refresh_token, "acme", tokens=None)
    assert before != group.token == world.in_explo["acme"]


@pytest.mark.parametrize("api", ["embed", "user_group", "customer"])
def test_each_api_has_its_endpoint(world, api):
    before = world.add()
    world.run(refresh_token, "acme", settings={"api": api})
    assert world.sent[1] == ("refresh_customer_token" if api == "customer" else REFRESH)
    world.assert_refreshed(before)


@pytest.mark.parametrize("kind", ["close_after", "truncated", "cut_off", "no_token", "other_shape", "wrong_tenant"])
def test_a_response_lost_after_the_change_is_found_and_nothing_is_sent_twice(world, kind):
    before = world.add()
    world.explo.inject(Fault(kind, path=REFRESH))
    world.run(refresh_token, "acme")
    assert world.sent == [GET, REFRESH, GET, GET]
    world.assert_refreshed(before)


def test_a_response_slower_than_the_timeout_is_found(world):
    before = world.add()
    world.explo.inject(Fault("slow", seconds=1, path=REFRESH))
    world.run(refresh_token, "acme", settings={"timeout": 0.2})
    assert world.sent.count(REFRESH) == 1
    world.assert_refreshed(before)


@pytest.mark.parametrize("fault", [Fault("status", status=500, path=REFRESH), Fault("close_before", path=REFRESH)])
def test_what_was_not_carried_out_is_sent_again_after_asking(world, fault):
    before = world.add()
    world.explo.inject(fault)
    world.run(refresh_token, "acme")
    assert world.sent == [GET, REFRESH, GET, REFRESH, GET]
    assert len(world.slept) == 1
    world.assert_refreshed(before)


def test_a_500_that_stays_is_left_to_airflows_retries(world):
    before = world.add()
    world.explo.inject(Fault("status", status=500, path=REFRESH, times=None))
    assert isinstance(world.run(refresh_token, "acme", settings={"retry_timeout": 2}), ExploUnavailableError)
    assert world.in_table == world.in_explo == {"acme": before}


def test_a_stale_token_in_the_table_does_no_harm(world):
    world.add()
    replaced = world.explo.refresh_token("acme")
    world.run(refresh_token, "acme")
    assert world.sent == [GET, REFRESH, GET]
    world.assert_refreshed(replaced)


def test_a_given_token_that_is_another_tenants_is_not_sent(world):
    before = world.add()
    other = world.add("bolt")
    world.run(refresh_token, "acme", token=other)
    assert world.in_explo["bolt"] == other
    world.assert_refreshed(before)


def test_another_task_that_was_faster_is_no_error(world):
    before = world.add()

    class Rival(type(world.client())):
        def refresh_user_group_token(self, **arguments):
            world.explo.refresh_token("acme")
            return super().refresh_user_group_token(**arguments)

    client = Rival(world.client().settings)
    group = refresh_token(client, world.tokens(), "acme")
    client.close()
    assert world.sent == [GET, REFRESH, GET, GET]
    assert group.token == world.in_explo["acme"]
    world.assert_refreshed(before)


@pytest.mark.parametrize("listed", [True, False])
def test_a_response_with_the_same_token_is_no_refresh(world, listed):
    """From a server that says it did, and asked for its token has the old one still."""
    token = world.add()
    group = {"provided_id": "acme", "token": token, "name": "Acme"}
    refreshed = respond({"success": 1, "user_group": group})
    got = respond({"success": 1, "customer": group})
    server = StandIn()
    server.will(*([got, refreshed, got] if listed else [respond(status=404), respond(status=404), refreshed]))
    client = child.new_client(server.url, "any-api-token")
    with pytest.raises(ExploProtocolError, match="tenant 'acme': Explo returned the same token") as caught:
        refresh_token(client, world.tokens(), "acme")
    client.close()
    server.stop()
    assert len(server.received) == 3
    assert token not in str(caught.value)
    assert world.rows()["acme"]["content_hash"] == HASH


def test_a_token_replaced_while_it_is_saved_is_saved_again(world):
    before = world.add()
    tokens = world.tokens()
    edit, left = tokens.edit, [2]

    def edit_late(*arguments):
        if left[0]:
            left[0] -= 1
            world.explo.refresh_token("acme")
        return edit(*arguments)

    tokens.edit = edit_late
    world.run(refresh_token, "acme", tokens=tokens)
    assert world.sent == [GET, REFRESH, GET, GET, GET]
    world.assert_refreshed(before)


def test_a_token_replaced_for_ever_ends_with_an_error_to_retry(world):
    world.add()
    tokens = world.tokens()
    edit = tokens.edit

    def edit_late(*arguments):
        world.explo.refresh_token("acme")
        return edit(*arguments)

    tokens.edit = edit_late
    error = world.run(refresh_token, "acme", tokens=tokens)
    assert isinstance(error, ExploUnavailableError)
    assert "replaced 10 times" in str(error)


def test_a_database_that_is_busy_gets_another_chance(world):
    before = world.add()
    tokens = world.tokens()
    edit, left = tokens.edit, [3]

    def fail(*arguments):
        if left[0]:
            left[0] -= 1
            raise ExploError("database is locked")
        return edit(*arguments)

    tokens.edit = fail
    world.run(refresh_token, "acme", tokens=tokens)
    assert world.slept == [1.0, 2.0, 4.0]
    world.assert_refreshed(before)


@pytest.mark.parametrize("kind", ["truncated", "html", "status", "refused", "redirect", "shared_token"])
def test_no_token_is_in_an_error_or_its_frames(world, kind):
    world.add()
    options = {"status": {"status": 500}, "redirect": {"location": "http://127.0.0.1:9/"}}.get(kind, {})
    for path in (REFRESH, GET, LIST):
        world.explo.inject(Fault(kind, path=path, times=None, **options))
    error = world.run(refresh_token, "acme", settings={"retry_timeout": 0.2})
    assert isinstance(error, Exception)
    shown = everything_shown(error)
    assert not [token for token in (*world.in_explo.values(), *world.in_table.values()) if token in shown]
    assert world.explo.token not in shown


@pytest.mark.parametrize("rivals", [2, 5])
def test_several_at_once_end_with_one_token(world, rivals):
    before = world.add()
    for _ in range(4):
        tasks = [(world.client(), world.tokens()) for _ in range(rivals)]
        with ThreadPoolExecutor(rivals) as pool:
            list(pool.map(lambda task: refresh_token(*task, "acme"), tasks))
        world.assert_refreshed(before)
        before = world.in_explo["acme"]


@pytest.mark.slow
def test_killed_at_any_line_a_retry_ends_with_explos_token_saved(world):
    world.add()
    arguments = "refresh", world.explo.url, world.explo.token, str(world.path)
    # The first one imports a little more.
    child.run(*arguments)
    code, lines = child.run(*arguments)
    assert code == 0
    assert lines > 1000
    world.assert_refreshed(None)
    chance = random.Random(20261125)
    differed = 0
    for number in range(KILLS):
        before = world.in_explo["acme"]
        kill_at = chance.randint(1, int(lines * 0.95))
        # Every third has a rival.
        with ThreadPoolExecutor() as pool:
            rival = pool.submit(child.run, *arguments) if number % 3 == 0 else None
            assert child.run(*arguments, kill_at=kill_at)[0] == -signal.SIGKILL
            differed += rival is None and world.in_explo != world.in_table
            assert rival is None or rival.result()[0] == 0
        assert child.run(*arguments)[0] == 0
        world.assert_refreshed(before)
    # Some were killed where it matters.
    assert differed
