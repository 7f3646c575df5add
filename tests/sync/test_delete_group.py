"""A tenant deleted: with a stale token, a lost response, a rival or a kill, it is gone in the end, and no other is."""

from __future__ import annotations

import random
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import (
    ExploAuthError,
    ExploConfigError,
    ExploEndpointGoneError,
    ExploProtocolError,
    ExploRefusedError,
    ExploUnavailableError,
)
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.delete import delete_group
from tests.errors import everything_shown
from tests.sync import child
from tests.sync.conftest import HASH

GET, DELETE, LIST = "get_customer", "delete_user_group", "customers"
STALE = "0" * 64


def assert_gone(world):
    assert world.in_explo == world.in_table == {}


@pytest.mark.parametrize("saved", [False, True])
def test_it_takes_two_requests(world, saved):
    world.add(saved=saved)
    assert world.run(delete_group, "acme") is True
    assert world.sent == [GET, DELETE]
    assert_gone(world)


def test_a_given_token_that_is_another_tenants_deletes_no_other(world):
    world.add(saved=False)
    other = world.add("bolt")
    assert world.run(delete_group, "acme", token=other) is True
    assert world.sent == [GET, DELETE]
    assert set(world.in_explo) == set(world.in_table) == {"bolt"}


@pytest.mark.parametrize("given", ["argument", "table"])
def test_where_explo_does_not_say_the_given_or_the_saved_token_is_sent(world, given):
    token = world.add(saved=given == "table")
    world.explo.gone = ["get_customer", "customers"]
    assert world.run(delete_group, "acme", token=token if given == "argument" else None) is True
    assert world.sent == [GET, LIST, DELETE]
    assert_gone(world)


def test_where_explo_does_not_say_and_no_token_is_known_it_fails(world):
    world.add(saved=False)
    world.explo.gone = ["get_customer", "customers"]
    assert isinstance(world.run(delete_group, "acme"), ExploEndpointGoneError)
    assert world.sent == [GET, LIST]


@pytest.mark.parametrize("api", ["embed", "user_group", "customer"])
def test_each_api_has_its_endpoint(world, api):
    world.add()
    assert world.run(delete_group, "acme", settings={"api": api}) is True
    assert world.sent[1] == ("delete_customer" if api == "customer" else DELETE)
    assert_gone(world)


@pytest.mark.parametrize("gone", [[], ["get_customer"]])
def test_a_tenant_that_is_not_there_is_a_success(world, gone):
    world.explo.gone = gone
    assert world.run(delete_group, "acme") is False
    assert world.sent == [GET, LIST]


def test_deleted_twice_the_second_time_does_nothing(world):
    token = world.add()
    assert world.run(delete_group, "acme") is True
    world.explo.clear_requests()
    assert world.run(delete_group, "acme", token=token) is False
    assert world.sent == [GET, LIST]


def test_a_row_that_a_kill_left_behind_goes_too(world):
    world.add()
    world.explo.delete("acme")
    assert world.run(delete_group, "acme") is False
    assert_gone(world)


def test_a_token_that_was_replaced_in_explo_is_looked_up(world):
    stale = world.add()
    world.explo.refresh_token("acme")
    assert world.run(delete_group, "acme", token=stale) is True
    assert world.sent == [GET, DELETE]
    assert_gone(world)


@pytest.mark.parametrize("rival", ["refresh_token", "delete"])
def test_another_task_that_was_faster_is_no_error(world, rival):
    world.add()

    class Rival(type(world.client())):
        def delete_user_group(self, **arguments):
            if len(world.sent) == 1:
                getattr(world.explo, rival)("acme")
            super().delete_user_group(**arguments)

    client = Rival(world.client().settings)
    assert delete_group(client, world.tokens(), "acme") is (rival == "refresh_token")
    client.close()
    assert world.sent == [GET, DELETE, GET, DELETE if rival == "refresh_token" else LIST]
    assert_gone(world)


@pytest.mark.parametrize("kind", ["close_after", "truncated", "cut_off", "other_shape", "not_json_constant"])
def test_after_a_lost_response_explo_is_asked_before_anything_else(world, kind):
    world.add()
    world.explo.inject(Fault(kind, path=DELETE))
    assert world.run(delete_group, "acme") is True
    assert world.sent == [GET, DELETE, GET, LIST]
    assert_gone(world)


def test_a_response_slower_than_the_timeout_is_found(world):
    world.add()
    world.explo.inject(Fault("slow", seconds=1, path=DELETE))
    assert world.run(delete_group, "acme", settings={"timeout": 0.2}) is True
    assert world.sent.count(DELETE) == 1
    assert_gone(world)


@pytest.mark.parametrize("fault", [Fault("status", status=500, path=DELETE), Fault("close_before", path=DELETE)])
def test_what_was_not_carried_out_is_sent_again_after_asking(world, fault):
    world.add()
    world.explo.inject(fault)
    assert world.run(delete_group, "acme") is True
    assert world.sent == [GET, DELETE, GET, DELETE]
    assert len(world.slept) == 1
    assert_gone(world)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", status=500, path=DELETE, times=None), ExploUnavailableError),
        (Fault("refused", path=DELETE, times=None), ExploRefusedError),
        (Fault("status", status=403, path=DELETE, times=None), ExploAuthError),
        (Fault("html", path=DELETE, times=None), ExploProtocolError),
        (Fault("status", status=404, path=DELETE, times=None), ExploEndpointGoneError),
    ],
)
def test_what_explo_goes_on_to_refuse_fails_and_leaves_the_row(world, fault, kind):
    token = world.add()
    world.explo.inject(fault)
    error = world.run(delete_group, "acme", settings={"retry_timeout": 2})
    assert type(error) is kind
    assert "'acme'" in str(error)
    assert world.in_explo == world.in_table == {"acme": token}
    assert token not in everything_shown(error)


@pytest.mark.parametrize("kind", ["refused", "close_before"])
def test_where_explo_cannot_be_asked_the_first_error_stands(world, kind):
    token = world.add()
    world.explo.gone = ["get_customer", "customers"]
    world.explo.inject(Fault(kind, path=DELETE))
    error = world.run(delete_group, "acme")
    assert type(error) is (ExploRefusedError if kind == "refused" else ExploUnavailableError)
    assert world.sent == [GET, LIST, DELETE, GET, LIST]
    assert world.in_explo == world.in_table
    assert token not in everything_shown(error)


@pytest.mark.parametrize("children", [1, 5])
def test_a_tenant_with_children_fails_and_some_are_named(world, children):
    world.add()
    for number in range(children):
        world.add(f"child-{number}", parent_provided_id="acme", hierarchy_level_name="User", saved=False)
    error = world.run(delete_group, "acme")
    assert isinstance(error, ExploRefusedError)
    assert "tenant 'acme': has children" in str(error)
    names = "'child-0'" if children == 1 else "'child-0', 'child-1', 'child-2' and 2 more"
    assert f"found: {names}\n" in str(error)
    assert world.sent == [GET, DELETE, GET, LIST]
    assert "acme" in world.in_table


def test_a_row_of_another_connection_is_refused_before_any_request(world):
    world.add(saved=False)
    row = TokenRow(user_group_id="acme", name="Acme", token=STALE, content_hash=HASH)
    world.tokens(explo_conn_id="explo_testing").save(row)
    error = world.run(delete_group, "acme")
    assert isinstance(error, ExploConfigError)
    assert "explo_testing" in str(error)
    assert "explo_default" in str(error)
    assert world.sent == []
    assert world.in_table == {"acme": STALE}


def test_several_at_once_are_as_one(world):
    for _ in range(4):
        world.add()
        tasks = [(world.client(), world.tokens()) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda task: delete_group(*task, "acme"), tasks))
        assert any(results)
        assert_gone(world)


@pytest.mark.slow
def test_killed_at_any_line_a_retry_ends_with_it_gone(world):
    arguments = "delete", world.explo.url, world.explo.token, str(world.path)
    for _ in range(2):
        world.add()
        code, lines = child.run(*arguments)
        assert code == 0
    chance = random.Random(20261126)
    for _ in range(10):
        world.add()
        assert child.run(*arguments, kill_at=chance.randint(1, int(lines * 0.95)))[0] == -signal.SIGKILL
        assert child.run(*arguments)[0] == 0
        assert_gone(world)
