"""A token is replaced only where it is certain whose it is."""

from __future__ import annotations

import pytest

from airflow_provider_explo.emulator import Fault
from airflow_provider_explo.exceptions import (
    ExploConfigError,
    ExploEndpointGoneError,
    ExploProtocolError,
    ExploRefusedError,
)
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.refresh_token import refresh_token
from tests.sync.conftest import HASH

GET, REFRESH, LIST = "get_customer", "refresh_user_group_token", "customers"


@pytest.mark.parametrize("gone", [[], ["get_customer"]])
def test_a_tenant_that_is_not_there_fails_before_any_change(world, gone):
    world.explo.gone = gone
    error = world.run(refresh_token, "acme")
    assert isinstance(error, ExploRefusedError)
    assert "tenant 'acme': no user group in Explo" in str(error)
    assert world.sent == [GET, LIST]


@pytest.mark.parametrize("given", ["argument", "table"])
def test_where_explo_does_not_say_the_given_or_the_saved_token_is_sent(world, given):
    before = world.add(saved=given == "table")
    world.explo.gone = ["get_customer", "customers"]
    world.run(refresh_token, "acme", token=before if given == "argument" else None)
    assert world.sent == [GET, LIST, REFRESH]
    world.assert_refreshed(before)


def test_where_explo_does_not_say_and_no_token_is_known_it_fails(world):
    world.add(saved=False)
    world.explo.gone = ["get_customer", "customers"]
    assert isinstance(world.run(refresh_token, "acme"), ExploEndpointGoneError)
    assert REFRESH not in world.sent


def test_an_endpoint_that_is_gone_is_not_taken_for_a_missing_tenant(world):
    world.add()
    world.explo.gone = ["refresh_user_group_token"]
    error = world.run(refresh_token, "acme")
    assert isinstance(error, ExploEndpointGoneError)
    assert "api: customer" in str(error)


def test_a_row_of_another_connection_is_refused_before_any_request(world):
    world.add(saved=False)
    row = TokenRow(user_group_id="acme", name="Acme", token="x", content_hash=HASH)
    world.tokens(explo_conn_id="explo_testing").save(row)
    error = world.run(refresh_token, "acme")
    assert isinstance(error, ExploConfigError)
    assert "explo_testing" in str(error)
    assert "explo_default" in str(error)
    assert world.sent == []


def test_a_token_that_another_tenant_has_is_not_saved(world):
    world.add()
    world.tokens().save(TokenRow(user_group_id="bolt", name="Bolt", token="0" * 64, content_hash=HASH))
    world.explo.inject(Fault("shared_token", path=REFRESH))
    error = world.run(refresh_token, "acme")
    assert isinstance(error, ExploProtocolError)
    assert "0" * 64 not in world.in_table["acme"]
