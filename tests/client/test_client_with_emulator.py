"""The client against the emulator: the same facts about Explo, implemented twice."""

from __future__ import annotations

import pytest

from airflow_provider_explo.emulator import ApiToken, ExploEmulator, Fault
from airflow_provider_explo.exceptions import (
    ExploAuthError,
    ExploProtocolError,
    ExploRateLimitError,
    ExploRefusedError,
)

READ_ONLY = "read-only-token"


@pytest.fixture(scope="module")
def running():
    with ExploEmulator(tokens=[ApiToken(READ_ONLY, read_only=True)]) as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    running.reset()
    return running


@pytest.fixture
def connected(emulator, new_client):
    def connect(**settings):
        return new_client(**{"base_url": emulator.url, "token": emulator.token, **settings})

    return connect


@pytest.mark.parametrize("api", ["embed", "user_group", "customer"])
def test_a_groups_whole_life(connected, emulator, api):
    client = connected(api=api)

    made = client.create_user_group(user_group_id="acme", name="Acme", properties={"plan": "gold"})
    again = client.create_user_group(user_group_id="acme", name="Other", properties={"plan": "iron"})
    changed = client.update_user_group(user_group_id="acme", properties={"plan": "iron"})
    refreshed = client.refresh_user_group_token(current_token=made.token)
    read = client.get_user_group(user_group_id="acme")
    client.delete_user_group(current_token=refreshed.token)

    assert (made.new_user_group, again.new_user_group) == (True, False)
    assert (again.name, again.token, again.details["properties"]) == ("Acme", made.token, {"plan": "gold"})
    assert changed.details["properties"] == {"plan": "iron"}
    assert refreshed.token not in (made.token, "")
    assert read.token == refreshed.token
    assert emulator.groups == []
    assert emulator.request_count == 6


def test_the_list_holds_every_group_once(connected):
    client = connected()
    ids = [f"tenant-{number}" for number in range(7)]
    made = {tenant_id: client.create_user_group(user_group_id=tenant_id, name=tenant_id).token for tenant_id in ids}

    assert {group.provided_id: group.token for group in client.list_user_groups(page_size=3)} == made


def test_the_older_list_is_read_too(connected, emulator):
    client = connected()
    client.create_user_group(user_group_id="acme", name="Acme")
    emulator.inject(Fault("older_list"))

    assert [group.provided_id for group in client.list_user_groups()] == ["acme"]


def test_a_jwt_is_made(kit, connected):
    client = connected()
    kit.create(client)

    assert client.generate_jwt(user_group_id="acme", embed_id="dash-1").count(".") == 4


def test_a_probe_changes_nothing(connected, emulator):
    connected().probe()

    assert emulator.groups == []
    assert emulator.request_count == 1


@pytest.mark.parametrize("token", ["unknown", READ_ONLY])
def test_a_token_that_may_not_is_refused_at_once(kit, connected, emulator, token):
    error = kit.failure(lambda: kit.create(connected(token=token)))

    assert isinstance(error, (ExploAuthError, ExploRefusedError))
    assert emulator.request_count == 1


@pytest.mark.parametrize(
    ("kind", "error_kind"),
    [
        ("html", ExploProtocolError),
        ("truncated", ExploProtocolError),
        ("oversized", ExploProtocolError),
        ("wrong_tenant", ExploProtocolError),
        ("no_token", ExploProtocolError),
        ("not_json_constant", ExploProtocolError),
        ("other_shape", ExploProtocolError),
        ("refused", ExploRefusedError),
    ],
)
def test_an_undocumented_response_is_refused_at_once(kit, connected, emulator, kind, error_kind):
    emulator.inject(Fault(kind))

    assert type(kit.failure(lambda: kit.create(connected()))) is error_kind
    assert emulator.request_count == 1


@pytest.mark.parametrize(
    ("fault", "known"),
    [
        (Fault("rate_limit"), True),
        (Fault("rate_limit", retry_after=3), True),
        (Fault("status", status=503), True),
        (Fault("close_before"), True),
        (Fault("close_after"), None),
        (Fault("cut_off"), None),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_passes_is_retried_and_makes_one_group(kit, connected, emulator, fault, known):
    emulator.inject(fault)

    group = kit.create(connected())

    assert group.new_user_group is known
    assert [stored.token for stored in emulator.groups] == [group.token]
    assert emulator.request_count == 2


def test_over_the_limit_a_request_waits_or_fails(kit, new_client, clock):
    with ExploEmulator(requests_per_minute=2) as emulator:
        client = new_client(base_url=emulator.url, token=emulator.token, retry_timeout=20)
        kit.create(client)
        kit.create(client)

        assert type(kit.failure(lambda: kit.create(client))) is ExploRateLimitError
        assert emulator.request_count == 3
