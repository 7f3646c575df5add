"""The provider's page: from the menu and from a task, light and dark, with a keyboard, in a narrow window."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from tests.browser.conftest import API_TOKEN
from tests.browser.ui import connect
from tests.page import tables
from tests.processes import wait_until

DAG = "explo_review_changes"
DETAILS = f"/api/v2/dags/{DAG}/dagRuns/~/hitlDetails?response_received=false"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 22, 26)"


@pytest.fixture(scope="module")
def history(airflow) -> None:
    """What six weeks of runs left in the two tables."""
    engine = sa.create_engine(f"sqlite:///{airflow.warehouse}")
    tables.fill(engine)
    engine.dispose()


@pytest.fixture
def waiting(page, airflow, explo, history) -> str:
    """The run of a plan that waits for approval."""
    page.goto("/connections")
    if "explo_default" not in airflow.airflow("connections", "list", "--output", "plain"):
        connect(page, "explo_default", url=explo.url, token=API_TOKEN)
    if not (details := airflow.get(DETAILS)["hitl_details"]):
        if not explo.groups:
            explo.add(provided_id="acme", name="Acme GmbH")
        with closing(sqlite3.connect(airflow.warehouse)) as connection, connection:
            connection.execute("CREATE TABLE tenants (tenant_id TEXT, name TEXT, mapping TEXT, properties TEXT)")
            rows = [("acme", "Acme & Sons", '{"40": "213"}', '{"plan": "team"}'), ("bolt", "Bolt", None, None)]
            connection.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?)", rows)
        airflow.airflow("dags", "unpause", DAG)
        wait_until(lambda: airflow.get(DETAILS)["hitl_details"], what="a plan that waits", patience=180)
        details = airflow.get(DETAILS)["hitl_details"]
    return str(details[0]["task_instance"]["dag_run_id"])


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser complains of: a script that failed, or a source that the page's own policy forbids."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def whole(page: Page) -> None:
    """Make the window as high as the page."""
    page.set_viewport_size({"width": 1280, "height": page.evaluate("document.documentElement.scrollHeight")})


def test_the_menu_leads_to_it(page, history):
    page.goto("/")
    page.get_by_role("button", name="Browse").click()
    with page.expect_popup() as opened:
        page.get_by_role("menuitem", name="Explo").click()
    expect(opened.value).to_have_title("Explo – Airflow")
    expect(opened.value.get_by_role("heading", name="Outcomes by run")).to_be_visible()


def test_it_shows_what_waits_and_leads_to_it(page, airflow, explo, waiting, complaints, shoot):
    page.goto("/explo/")
    plan = page.get_by_role("region", name="The plan of")
    expect(plan.get_by_role("row", name="acme")).to_contain_text("'Acme GmbH'")
    expect(plan.get_by_role("row", name="acme")).to_contain_text("'Acme & Sons'")
    expect(plan.get_by_role("row", name="bolt")).to_contain_text("create")
    expect(page.get_by_role("img")).to_have_count(2)
    assert background(page) == LIGHT
    whole(page)
    shoot("page-light")
    assert not [secret for secret in (API_TOKEN, *(group.token for group in explo.groups)) if secret in page.content()]
    complaints_here = list(complaints)
    page.get_by_role("link", name="Change Explo as planned?").click()
    expect(page.get_by_role("heading", name="approve")).to_be_visible()
    complaints[:] = complaints_here


def test_a_task_leads_to_it(page, airflow, waiting):
    page.goto(f"/dags/{DAG}/runs/{waiting}/tasks/plan/details")
    page.get_by_role("link", name="Explo page").click()
    expect(page).to_have_url(f"{airflow.url}/explo/?task={DAG}%2Fplan")
    expect(page.get_by_text(f"Only the task {DAG}/plan.")).to_be_visible()
    expect(page.get_by_role("region", name="The plan of")).to_be_visible()


def test_it_is_dark_where_the_browser_or_airflow_is(page, history, complaints, shoot):
    page.goto("/explo/")
    assert background(page) == LIGHT
    page.emulate_media(color_scheme="dark")
    assert background(page) == DARK
    whole(page)
    shoot("page-dark")
    # Airflow's own choice comes first.
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.reload()
    assert background(page) == LIGHT
    page.emulate_media(color_scheme="light")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    assert background(page) == DARK


def test_airflow_keeps_its_colour_mode_where_the_page_looks(page):
    page.goto("/")
    page.get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Appearance").hover()
    page.get_by_role("menuitem", name="Switch to Dark Mode").or_(page.get_by_role("menuitemradio", name="Dark")).click()
    page.wait_for_function("document.documentElement.classList.contains('dark')")
    page.goto("/explo/")
    assert background(page) == DARK


def test_a_keyboard_is_enough(page, history, complaints):
    page.goto("/explo/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.ariaLabel || document.activeElement.innerText).trim()"))
    for name in ("Tenants who are broken now", "Older tenants", "Outcomes by run", "Older runs", "The same as a table"):
        assert name in reached
    page.get_by_text("The same as a table").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="Minutes with changes")).to_be_visible()


def test_a_narrow_window_scrolls_down_only(page, history, complaints, shoot):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/explo/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shoot("page-narrow")
