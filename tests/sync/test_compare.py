"""Where an existing group differs from what is wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_explo.client.models import UserGroup
from airflow_provider_explo.sql.token_row import TokenRow
from airflow_provider_explo.sync.compare import compare
from airflow_provider_explo.sync.plan import Change
from airflow_provider_explo.sync.upsert import send
from airflow_provider_explo.tenants.content_hash import content_hash
from airflow_provider_explo.tenants.tenant import Tenant
from tests.tenants.strategies import json_objects
from tests.tenants.test_content_hash import same

WANTED = Tenant(user_group_id="acme", name="Acme", mapping={"40": 213}, properties={"plan": "gold", "seats": 1})


def group(name="Acme", *, new=False, **details):
    return UserGroup(provided_id="acme", token="a-token", name=name, new_user_group=new, details=details)


@pytest.mark.parametrize(
    ("actual", "fields"),
    [
        (group(properties={"seats": 1.0, "plan": "gold"}), ()),
        (group("Acme AG"), ("name",)),
        (group(None), ()),
        (group(properties=None), ("properties",)),
        (group(properties={"plan": "gold", "seats": True}), ("properties",)),
        (group(parent_schema_datasource_mapping={"40": "213"}), ()),
        (group(parent_schema_datasource_mapping={"40": "999"}), ("mapping",)),
        (group(mapping=None), ("mapping",)),
        (group("x", mapping={}, properties={}), ("name", "mapping", "properties")),
    ],
)
def test_drift_names_the_fields_that_are_known_to_differ(actual, fields):
    assert compare(WANTED.content(), actual).drift == fields


def test_a_field_that_is_not_given_cannot_differ():
    wanted = Tenant(user_group_id="acme", name="Acme")
    assert compare(wanted.content(), group(mapping={"40": "1"}, properties={"plan": "gold"})).drift == ()


@pytest.mark.parametrize("actual", [None, {}])
@pytest.mark.parametrize("field", ["mapping", "properties"])
def test_null_and_an_empty_object_are_the_same(field, actual):
    wanted = Tenant(user_group_id="acme", name="Acme", **{field: {}})
    assert compare(wanted.content(), group(**{field: actual})).drift == ()


@given(json_objects, st.one_of(st.none(), json_objects))
def test_there_is_drift_exactly_where_the_content_differs(wanted, actual):
    tenant = Tenant(user_group_id="acme", name="Acme", properties=wanted)
    expected = () if same(wanted or {}, actual or {}) else ("properties",)
    assert compare(tenant.content(), group(properties=actual)).drift == expected


class Explo:
    """Returns the groups that it is given, and keeps what was sent."""

    def __init__(self, *groups):
        self.groups = list(groups)
        self.sent = []

    def create_user_group(self, **fields):
        return self.groups.pop(0)

    def update_user_group(self, **fields):
        self.sent.append(fields)
        return self.groups.pop(0)


def upserted(*groups, tenant=WANTED, if_exists="keep", in_sync=False):
    """What became of a tenant, and what was sent to update its group."""
    digest = content_hash(tenant)
    stored = TokenRow(user_group_id="acme", name="Acme", token="a-token", content_hash=digest) if in_sync else None
    change = Change(
        row=1, user_group_id="acme", name="Acme", action="create", tenant=tenant, digest=digest, stored=stored
    )
    explo = Explo(*groups)
    return send(change, explo, if_exists=if_exists), explo.sent


def test_an_update_sends_the_wanted_values_of_the_fields_that_differ():
    _, sent = upserted(group(mapping={"40": "213"}, properties={}), group(), if_exists="update")
    assert sent == [{"user_group_id": "acme", "properties": WANTED.properties}]
    _, sent = upserted(group(mapping={"40": "213"}, properties=WANTED.properties), if_exists="update")
    assert sent == []


def test_a_mapping_that_explo_does_not_show_is_sent_too():
    differing = group("Acme AG", properties=WANTED.properties)
    _, sent = upserted(differing, group(), if_exists="update")
    assert sent == [{"user_group_id": "acme", "name": "Acme", "mapping": {"40": 213}}]
    _, sent = upserted(group(), tenant=Tenant(user_group_id="acme", name="Acme"), if_exists="update")
    assert sent == []


@pytest.mark.parametrize(
    ("actual", "in_sync"),
    [
        (group(new=True), True),
        (group(mapping={"40": "213"}), True),
        (group("Acme AG", mapping={"40": "213"}), False),
        (group(mapping={"40": "2"}), False),
        # Explo does not show the mapping of a group that existed before.
        (group(), False),
        (group(new=None), False),
    ],
)
def test_explo_is_known_to_hold_what_it_shows(actual, in_sync):
    wanted = Tenant(user_group_id="acme", name="Acme", mapping={"40": 213})
    assert upserted(actual, tenant=wanted)[0].in_sync == in_sync


def test_what_an_earlier_run_knew_is_still_known():
    assert upserted(group(properties=WANTED.properties), in_sync=True)[0].in_sync
    assert not upserted(group(properties={}), in_sync=True)[0].in_sync
