"""After an attempt that may have worked, only what is harmless is sent again."""

from __future__ import annotations

import pytest

from airflow_provider_explo.client.rate_limiter import RateLimiter
from airflow_provider_explo.exceptions import ExploUnavailableError

FAST = 1e12


ONCE = {
    "delete": lambda client: client.delete_user_group(current_token="old"),
    "refresh": lambda client: client.refresh_user_group_token(current_token="old"),
}
AMBIGUOUS = {
    "500": lambda kit: kit.respond(status=500),
    "503 with a time": lambda kit: kit.respond(status=503, headers={"Retry-After": "1"}),
    "closed": lambda kit: None,
    "cut short": lambda kit: lambda request, connection: connection.sendall(kit.respond(kit.created())[:-5]),
    "silent": lambda kit: kit.silent,
}


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("operation", ONCE.values(), ids=ONCE)
def test_deleting_and_refreshing_are_not_repeated_after_an_attempt_that_may_have_worked(
    kit, explo, new_client, operation, fault
):
    explo.will(fault(kit))

    error = kit.failure(lambda: operation(new_client(timeout=0.1)))

    assert type(error) is ExploUnavailableError
    assert error.ambiguous
    assert len(explo.received) == 1


@pytest.mark.parametrize("operation", ONCE.values(), ids=ONCE)
def test_deleting_and_refreshing_are_repeated_after_a_429(kit, explo, client, operation):
    explo.will(kit.respond(status=429), kit.respond(status=429))

    operation(client)

    assert len(explo.received) == 3


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize(("returned", "reported"), [(False, None), (True, True)])
def test_after_an_ambiguous_attempt_only_new_is_still_known(kit, explo, new_client, fault, returned, reported):
    explo.will(fault(kit), kit.respond(kit.created(new=returned)))

    assert kit.create(new_client(timeout=0.1)).new_user_group is reported


def test_one_ambiguous_attempt_among_others_is_remembered(kit, explo, client):
    explo.will(kit.respond(status=429), None, kit.respond(status=429), kit.respond(kit.created(new=False)))

    assert kit.create(client).new_user_group is None


def test_after_a_429_not_new_is_known(kit, explo, client):
    explo.will(kit.respond(status=429), kit.respond(kit.created(new=False)))

    assert kit.create(client).new_user_group is False


def test_after_a_refused_connection_not_new_is_known(kit, stand_in, new_client, clock):
    server = stand_in()
    port = server.port
    server.stop()
    revived = []

    def sleep(seconds):
        clock.sleep(seconds)
        if not revived:
            revived.append(stand_in(port=port))
            revived[0].will(kit.respond(kit.created(new=False)))

    rate_limiter = RateLimiter(FAST, clock=clock, sleep=sleep)

    assert kit.create(new_client(base_url=server.url, rate_limiter=rate_limiter)).new_user_group is False


def test_the_next_request_does_not_inherit_the_ambiguity(kit, explo, client):
    explo.will(None, kit.respond(kit.created(new=False)), kit.respond(kit.created(new=False)))

    assert kit.create(client).new_user_group is None
    assert kit.create(client).new_user_group is False
