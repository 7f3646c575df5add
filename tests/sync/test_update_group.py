"""Fields of a tenant changed in Explo, and what the token table says afterwards."""

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
from airflow_provider_explo.sync.update import update_group
from airflow_provider_explo.tenants.validation import TenantValidator
from tests.sync.conftest import HASH

GET, UPDATE, LIST = "get_customer", "update_user_group", "customers"
UNSETTLED_HASH = f"{HASH}?"


def change(**fields):
    return TenantValidator().partial(user_group_id="acme", **fields)


def test_only_what_is_given_is_sent_and_the_row_is_unsettled(world):
    token = world.add(properties={"plan": "gold"})
    group = world.run(update_group, change(name="Acme AG"))
    assert world.sent == [UPDATE]
    assert world.explo.requests[0].body == {"user_group_id": "acme", "name": "Acme AG"}
    assert (group.name, group.details["properties"]) == ("Acme AG", {"plan": "gold"})
    row = world.rows()["acme"]
    assert (row["name"], row["token"], row["content_hash"]) == ("Acme AG", token, UNSETTLED_HASH)
    world.run(update_group, change(name="Acme"))
    assert world.rows()["acme"]["content_hash"] == UNSETTLED_HASH


def test_no_row_is_made(world):
    world.add(saved=False)
    world.run(update_group, change(name="Acme AG"))
    assert world.in_table == {}
    assert world.sent == [UPDATE]


def test_a_token_that_was_replaced_in_explo_is_saved_and_verified(world):
    world.add()
    world.explo.refresh_token("acme")
    world.run(update_group, change(properties={"plan": "iron"}))
    assert world.sent == [UPDATE, GET]
    assert world.in_explo == world.in_table


def test_a_token_saved_by_another_task_meanwhile_is_not_overwritten(world):
    world.add()
    tokens = world.tokens()
    edit = tokens.edit

    def edit_late(user_group_id, edited):
        if world.sent:
            replaced = TokenRow(
                user_group_id="acme", name="Saved", token=world.explo.refresh_token("acme"), content_hash=HASH
            )
            world.tokens().save(replaced)
        return edit(user_group_id, edited)

    tokens.edit = edit_late
    world.run(update_group, change(name="Acme AG"), tokens=tokens)
    assert world.in_explo == world.in_table


def test_a_failed_update_leaves_a_hash_that_claims_nothing(world):
    token = world.add()
    world.explo.inject(Fault("refused", path=UPDATE))
    assert isinstance(world.run(update_group, change(name="Acme AG")), ExploRefusedError)
    row = world.rows()["acme"]
    assert (row["name"], row["token"], row["content_hash"]) == ("Saved", token, UNSETTLED_HASH)


@pytest.mark.parametrize("api", ["embed", "customer"])
@pytest.mark.parametrize("gone", [[], ["get_customer"]])
def test_a_tenant_that_is_not_there_fails(world, gone, api):
    world.explo.gone = gone
    error = world.run(update_group, change(name="Acme AG"), settings={"api": api})
    assert isinstance(error, ExploRefusedError)
    assert "tenant 'acme': no user group in Explo to update" in str(error)
    assert world.sent[1:] == [GET, LIST]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("refused", path=UPDATE), ExploRefusedError),
        (Fault("no_token", path=UPDATE), ExploProtocolError),
        (Fault("status", status=404, path=UPDATE), ExploEndpointGoneError),
    ],
)
def test_what_explo_refuses_for_a_tenant_that_is_there(world, fault, kind):
    world.add()
    world.explo.inject(fault)
    error = world.run(update_group, change(name="Acme AG"))
    assert type(error) is kind
    assert "no user group" not in str(error)
    assert world.sent == [UPDATE, GET]


def test_a_response_that_is_lost_is_sent_again(world):
    world.add()
    world.explo.inject(Fault("close_after", path=UPDATE))
    world.run(update_group, change(name="Acme AG"))
    assert world.sent == [UPDATE, UPDATE]
    assert world.explo.groups[0].name == "Acme AG"


def test_a_field_that_the_api_cannot_carry_is_refused_before_any_request(world):
    world.add()
    assert isinstance(world.run(update_group, change(emails=["a@example.com"])), ExploConfigError)
    assert world.sent == []


def test_a_row_of_another_connection_is_refused_before_any_request(world):
    world.add(saved=False)
    row = TokenRow(user_group_id="acme", name="Acme", token="x", content_hash=HASH)
    world.tokens(explo_conn_id="explo_testing").save(row)
    assert isinstance(world.run(update_group, change(name="Acme AG")), ExploConfigError)
    assert world.sent == []
