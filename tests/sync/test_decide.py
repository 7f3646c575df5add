"""What is to be done for one tenant, from the query, Explo's list and the token table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.plan import Change, decide
from airflow_provider_explo.sync.undecided import Undecided
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.row import Row
from airflow_provider_explo.tenants.tenant import Tenant

ACME = Tenant(user_group_id="acme", name="Acme", mapping={"40": "1"})


def saved_row(content_hash, *, name="N"):
    return TokenRow(user_group_id="acme", name=name, token="token", content_hash=content_hash)


def change(stored, **fields):
    """A change for ACME, before it is decided."""
    return Change(
        row=1,
        user_group_id="acme",
        name="Acme",
        action="create",
        tenant=ACME,
        digest=content_hash(ACME),
        stored=None if stored is None else saved_row(stored),
        **fields,
    )


@pytest.mark.parametrize(
    ("stored", "actions"),
    [
        (None, ("create", "create", "create")),
        (content_hash(ACME), ("unchanged", "unchanged", "unchanged")),
        (content_hash(ACME, settled=False), ("unchanged", "update", "unchanged")),
        ("1:of-something-else", ("drift", "update", "refuse")),
        # A rule that this release does not know: of a later one.
        ("999:ff", ("drift", "update", "refuse")),
        ("", ("drift", "update", "refuse")),
    ],
)
def test_what_is_to_be_done_follows_from_what_was_sent(stored, actions):
    for if_exists, action in zip(("keep", "update", "fail"), actions, strict=True):
        decided = decide(change(stored), if_exists=if_exists, listed=False)
        assert decided.action == action
        assert decided.reason


def test_a_hash_of_an_earlier_rule_still_counts(monkeypatch):
    from airflow_provider_explo.tenants import content_hash as hashing

    old = content_hash(ACME)
    monkeypatch.setattr(hashing, "HASH_VERSION", "2")
    monkeypatch.setattr(hashing, "_RULES", {**hashing._RULES, "2": lambda tenant: "another rule"})
    assert content_hash(ACME) == "2:another rule"
    assert decide(change(old), if_exists="update", listed=False).action in ("unchanged", "save")


def group(name="Acme", *, token="token", **details):
    details.setdefault("parent_schema_datasource_mapping", {"40": "1"})
    return UserGroup(provided_id="acme", token=token, name=name, details=details)


KNOWN = content_hash(ACME)


@pytest.mark.parametrize(
    ("stored", "actual", "keep", "update", "fail"),
    [
        (None, None, "create", "create", "create"),
        (KNOWN, None, "create", "create", "create"),
        (None, group(), "save", "save", "refuse"),
        (None, group("Other"), "save", "update", "refuse"),
        (KNOWN, group("Other"), "drift", "update", "refuse"),
        (KNOWN, group(token="new"), "save", "save", "save"),
        (KNOWN, group("Other", token="new"), "save", "update", "refuse"),
        ("1:of-something-else", group("Other"), "drift", "update", "refuse"),
        ("1:of-something-else", group("Other", parent_schema_datasource_mapping=None), "drift", "update", "refuse"),
    ],
)
def test_explo_s_list_decides(stored, actual, keep, update, fail):
    for if_exists, action in (("keep", keep), ("update", update), ("fail", fail)):
        decided = decide(change(stored, actual=actual), if_exists=if_exists, listed=True)
        assert decided.action == action, if_exists
        assert decided.recreated == (actual is None and stored is not None)


def test_a_row_that_says_the_same_is_left_alone_and_one_that_does_not_is_written():
    assert decide(change(None, actual=group()), if_exists="keep", listed=True).kind == "existing"
    settled = Change(**{**vars(change(KNOWN, actual=group())), "stored": saved_row(KNOWN, name="Acme")})
    assert decide(settled, if_exists="update", listed=True).action == "unchanged"
    unsettled = change(KNOWN + "?", actual=group())
    decided = decide(unsettled, if_exists="update", listed=True)
    assert (decided.action, decided.kind) == ("save", "unchanged")


saved = st.sampled_from([KNOWN, KNOWN + "?", KNOWN + ":12345678", "1:aa", None])
groups = st.builds(
    group,
    st.sampled_from(["Acme", "Other", None]),
    token=st.sampled_from(["token", "other"]),
    parent_schema_datasource_mapping=st.sampled_from([{"40": "1"}, {"40": 1}, {"40": "2"}, None]),
    properties=st.sampled_from([{}, {"plan": "gold"}]),
)


@given(saved, st.none() | groups, st.sampled_from(["keep", "update", "fail"]), st.sampled_from(["1", 1]))
def test_nothing_is_done_quickly_only_where_that_is_decided(saved, actual, if_exists, source):
    """For most rows there is no change to be decided: that must come to the same."""
    values = {"user_group_id": "acme", "name": "Acme", "mapping": f'{{"40": {json.dumps(source)}}}'}
    stored = None if saved is None else saved_row(saved, name="Acme")
    read = Undecided.of(1, Row(values), stored, rules="")
    if read.is_stored:
        assert decide(read.change(), if_exists=if_exists, listed=False).action == "unchanged"
    decided = decide(read.change(actual), if_exists=if_exists, listed=True)
    if read.is_in(actual):
        assert decided.action == "unchanged"
    elif decided.action == "unchanged":
        assert saved == KNOWN + "?"
