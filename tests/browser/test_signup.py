"""A tenant, from the form of the signup DAG to its page in Explo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import API_TOKEN
from tests.browser.ui import connect, fill_in, open_trigger_form, trigger_button

TENANT = {"Tenant id": "acme", "Name": "Acme GmbH", "Mapping": '{"40": "213"}', "Properties": '{"plan": "team"}'}


@pytest.fixture
def connected(page, airflow, explo):
    """The connection that the DAG takes, made through the form."""
    page.goto("/connections")
    if "explo_default" not in airflow.airflow("connections", "list", "--output", "plain"):
        connect(page, "explo_default", url=explo.url, token=API_TOKEN)


@pytest.mark.usefixtures("connected")
def test_the_form_refuses_a_tenant_without_id_and_name(page):
    form = open_trigger_form(page)
    expect(form.get_by_text("This field is required")).to_have_count(2)
    expect(trigger_button(form)).to_be_disabled()
    fill_in(form, {"Tenant id": "acme"})
    expect(form.get_by_text("This field is required")).to_have_count(1)
    expect(trigger_button(form)).to_be_disabled()


@pytest.mark.usefixtures("connected")
def test_the_form_refuses_a_mapping_that_is_none(page, airflow, explo):
    form = open_trigger_form(page)
    fill_in(form, TENANT | {"Mapping": '{"orders": "213"}'})
    trigger_button(form).click()
    expect(form).to_contain_text("Invalid input for param mapping: 'orders' does not match '^[0-9]+$'")
    assert airflow.get("/api/v2/dags/explo_onboard_tenant/dagRuns")["total_entries"] == 0
    assert [group.provided_id for group in explo.groups] == []


@pytest.mark.usefixtures("connected")
def test_a_good_tenant_gets_a_user_group_and_no_token_is_shown(page, airflow, explo, shoot):
    form = open_trigger_form(page)
    fill_in(form, TENANT)
    shoot("trigger-form")
    trigger_button(form).click()
    expect(form).to_be_hidden()

    page.goto("/dags/explo_onboard_tenant")
    page.locator('a[href*="/runs/"][href$="/tasks/create_user_group"]').click()
    expect(page.get_by_text("tenant 'acme': user group created")).to_be_visible()
    expect(page.get_by_text("Success", exact=True)).to_be_visible()
    page.get_by_role("heading", name="create_user_group").hover()
    expect(page.get_by_role("tooltip")).to_have_count(0)
    shoot("task-log")
    (group,) = explo.groups
    assert (group.provided_id, group.name, group.mapping) == ("acme", "Acme GmbH", {"40": "213"})
    secrets = [API_TOKEN, group.token]
    seen = [page.content()]
    logs = [path.read_text(errors="replace") for path in airflow.folder.rglob("*.log")]
    assert any("tenant 'acme': user group created" in log for log in logs)

    page.get_by_role("link", name="Details", exact=True).click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="User group in Explo").click()
    expect(opened.value).to_have_url(f"{explo.url}/user_groups/acme")
    expect(opened.value.locator("body")).to_contain_text("Acme GmbH")
    seen += [page.content(), opened.value.content()]
    page.get_by_role("link", name="Rendered Templates").click()
    expect(page.get_by_text(re.compile("user_group_id"))).to_be_visible()
    seen.append(page.content())
    assert not [secret for secret in secrets for text in seen + logs if secret in text]
