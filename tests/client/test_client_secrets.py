"""Tokens are in no log record, no error and no repr, whatever fails and whatever a tool prints of it."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Iterator

import pytest

from airflow_provider_explo.exceptions import ExploError

OLD_TOKEN = "tenant-token-old-11d2"
OPERATIONS = {
    "create": lambda client: client.create_user_group(user_group_id="acme", name="Acme"),
    "update": lambda client: client.update_user_group(user_group_id="acme", name="Acme"),
    "get": lambda client: client.get_user_group(user_group_id="acme"),
    "delete": lambda client: client.delete_user_group(current_token=OLD_TOKEN),
    "refresh": lambda client: client.refresh_user_group_token(current_token=OLD_TOKEN),
    "list": lambda client: list(client.list_user_groups()),
    "jwt": lambda client: client.generate_jwt(user_group_id="acme", embed_id="dash-1"),
    "probe": lambda client: client.probe(),
}


def leaky(kit):
    return kit.created(new=kit.TENANT_TOKEN, customer={"token": kit.TENANT_TOKEN, "provided_id": 5}, jwt=[OLD_TOKEN])


FAULTS = {
    "status 400": lambda kit: kit.respond(leaky(kit), status=400),
    "status 401": lambda kit: kit.respond(leaky(kit), status=401),
    "status 429": lambda kit: kit.respond(leaky(kit), status=429, headers={"Retry-After": "9999"}),
    "status 500": lambda kit: kit.respond(leaky(kit), status=500),
    "redirect": lambda kit: kit.respond(
        status=302,
        headers={"Location": f"https://u:{kit.TENANT_TOKEN}@other.example/?t={kit.TENANT_TOKEN}#{OLD_TOKEN}"},
    ),
    "refused": lambda kit: kit.respond({**leaky(kit), "success": 0}),
    "another shape": lambda kit: kit.respond(
        {**leaky(kit), "user_group": kit.group(7), "results": {"customers": [kit.group(7)]}}
    ),
    "another tenant": lambda kit: kit.respond({**leaky(kit), "user_group": kit.group("other")}),
    "list with one bad row": lambda kit: kit.respond(
        {"success": 1, "results": {"customers": [kit.group(), {"token": OLD_TOKEN}]}}
    ),
    "not json": lambda kit: kit.respond(f"oops {kit.TENANT_TOKEN} {OLD_TOKEN} {kit.API_TOKEN}".encode()),
    "closed": lambda kit: None,
    "cut short": lambda kit: lambda request, connection: connection.sendall(kit.respond(leaky(kit))[:-1]),
}


# A delete's response holds no group to check, and a refresh is asked for by token, not by id.
NO_FAILURE = {
    ("delete", "another shape"),
    ("delete", "another tenant"),
    ("delete", "list with one bad row"),
    ("refresh", "another tenant"),
}
FAILURES = [(operation, fault) for operation in OPERATIONS for fault in FAULTS if (operation, fault) not in NO_FAILURE]


@pytest.mark.parametrize(("operation", "fault"), FAILURES)
def test_no_failure_shows_a_token(kit, explo, new_client, every_log, operation, fault):
    explo.will(*[FAULTS[fault](kit)] * 100)
    client = new_client(retry_timeout=3)

    error = kit.failure(lambda: OPERATIONS[operation](client))

    assert isinstance(error, ExploError)
    shown = [kit.everything_shown(error), kit.everything_shown(pickle.loads(pickle.dumps(error))), every_log.text]
    shown += [repr(record.__dict__) for record in every_log.records]
    assert not [text for text in shown for secret in (kit.API_TOKEN, kit.TENANT_TOKEN, OLD_TOKEN) if secret in text]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_no_success_logs_a_token(kit, explo, client, every_log, operation):
    operation(client)

    assert "urllib3" in {record.name.partition(".")[0] for record in every_log.records}
    shown = [repr(record.__dict__) for record in every_log.records]
    assert not [text for text in shown for secret in (kit.API_TOKEN, kit.TENANT_TOKEN, OLD_TOKEN) if secret in text]


def test_no_repr_shows_a_token(kit, client):
    group = kit.create(client)

    shown = f"{client!r} {client.settings!r} {client.__dict__!r} {group!r} {group} {group.without_token()}"
    assert kit.API_TOKEN not in shown
    assert kit.TENANT_TOKEN not in shown


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts its background jobs with SIGINT ignored, and the tests with them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_is_not_swallowed_and_shows_no_token(kit, explo, client):
    me = threading.get_ident()

    def interrupt(request, connection):
        signal.pthread_kill(me, signal.SIGINT)
        connection.recv(1)

    explo.will(interrupt)
    try:
        kit.create(client)
    except KeyboardInterrupt as error:
        shown = kit.everything_shown(error)
    else:
        pytest.fail("the interrupt was swallowed")

    assert kit.API_TOKEN not in shown
    assert kit.create(client).token == kit.TENANT_TOKEN


def test_what_is_no_error_of_http_shows_no_token_either(kit, client, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a bug somewhere below")

    monkeypatch.setattr("socket.getaddrinfo", broken)

    error = kit.failure(lambda: kit.create(client))

    assert type(error) is RuntimeError
    assert kit.API_TOKEN not in kit.everything_shown(error)


def test_no_token_is_in_the_error_about_json(kit, client):
    error = kit.failure(lambda: client.delete_user_group(current_token=OLD_TOKEN.encode()))

    assert isinstance(error, ExploError)
    assert OLD_TOKEN not in kit.everything_shown(error)
