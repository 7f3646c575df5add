"""What ``make ui`` shows after ``make demo``, each a click away; with the pictures of README."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import IMAGES, PATIENCE, SCREENSHOTS, shoot_as
from tests.demo.ui import DemoUi
from tests.processes import wait_until


@pytest.fixture(scope="module")
def ui(tmp_path_factory):
    ui = DemoUi(tmp_path_factory.mktemp("demo"))
    ui.demo()
    try:
        ui.start()
        yield ui
    finally:
        ui.stop()


@pytest.fixture(scope="module")
def logged_in(browser, ui):
    """A page of the UI; tests open theirs in it."""
    context = browser.new_context(
        base_url=ui.url, viewport={"width": 1280, "height": 720}, color_scheme="light", locale="en-US"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(ui.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    yield page
    context.close()


def keep(page: Page, name: str) -> None:
    """Keep a picture; with KEEP=1, in the documentation."""
    shoot_as(page, name)
    if os.environ.get("KEEP"):
        shutil.copy(SCREENSHOTS / f"{name}.png", IMAGES)
        assert (IMAGES / f"{name}.png").stat().st_size < 250_000


def test_a_run_that_was_rejected_in_part(logged_in, ui):
    logged_in.goto(ui.pages["rejected in part"])
    # The page opens at the log's end.
    expect(logged_in.get_by_text("Task failed with exception")).to_be_visible()
    logged_in.get_by_role("button", name="to scroll to top").click()
    expect(logged_in.get_by_text("Plan: 2 to create, 1 to update, 1,999 unchanged, 2 rejected")).to_be_visible()
    expect(logged_in.get_by_text("row 2002, tenant 'demo-bad-2': rejected")).to_be_visible()
    keep(logged_in, "run-rejected")


def test_a_group_that_drifted(logged_in, ui):
    logged_in.goto(ui.pages["drift"])
    expect(logged_in.get_by_text("differs from what was asked in: properties")).to_be_visible()
    keep(logged_in, "run-drift")


def test_the_link_to_explo_is_alive(logged_in, ui):
    logged_in.goto(f"{ui.pages['drift']}/details")
    with logged_in.expect_popup() as opened:
        logged_in.get_by_role("link", name="User group in Explo").click()
    expect(opened.value.locator("body")).to_contain_text("Signup & Co.")
    opened.value.close()


def test_a_plan_that_waits_for_approval(logged_in, ui):
    wait_until(ui.waiting, what="a plan that waits", patience=120)
    logged_in.goto("/required_actions")
    logged_in.get_by_role("link", name="Change Explo as planned?").click()
    expect(logged_in.get_by_text("2 to create, 2 to update")).to_be_visible()
    expect(logged_in.get_by_role("cell", name=re.compile("Renamed by hand"))).to_be_visible()
    expect(logged_in.get_by_role("button", name="Approve")).to_be_enabled()
    keep(logged_in, "plan-waiting")


def test_the_page_shows_all_of_it(logged_in, ui):
    wait_until(ui.waiting, what="a plan that waits", patience=120)
    logged_in.goto(ui.pages["rejected in part"] + "/details")
    logged_in.get_by_role("link", name="Explo page").click()
    expect(logged_in.get_by_text("demo-bad-2")).to_be_visible()
    logged_in.goto("/explo/")
    expect(logged_in.get_by_text("Renamed by hand")).to_be_visible()
    height = logged_in.evaluate("document.documentElement.scrollHeight")
    logged_in.set_viewport_size({"width": 1280, "height": height})
    keep(logged_in, "page-demo")
