"""What a user does in Airflow's UI, in the words of its buttons and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

DAG = "explo_onboard_tenant"


def open_connection_form(page: Page, conn_id: str) -> Locator:
    """The form for a new connection of type Explo."""
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Connection ID").fill(conn_id)
    form.get_by_role("combobox", name="Connection Type").click()
    page.keyboard.type("explo")
    page.get_by_role("option", name="Explo", exact=True).click()
    return form


def connect(page: Page, conn_id: str, *, url: str, token: str, with_port: bool = True) -> None:
    """Make a connection through the form.

    :param with_port: the port in its own field, instead of in the base URL.
    """
    where = urlsplit(url)
    form = open_connection_form(page, conn_id)
    form.get_by_role("textbox", name="Base URL").fill(f"http://{where.hostname}" if with_port else url)
    if with_port:
        form.get_by_role("spinbutton", name="Port").fill(str(where.port))
    form.get_by_role("textbox", name="API token").fill(token)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    expect(page.get_by_role("row", name=conn_id)).to_be_visible()


def press_test(page: Page, conn_id: str) -> Locator:
    """Press the test button; what it says of the connection."""
    page.goto("/connections")
    page.get_by_role("row", name=conn_id).get_by_role("button", name="Test Connection").click()
    return page.get_by_role("status").filter(has_text="Test Connection")


def open_trigger_form(page: Page) -> Locator:
    page.goto(f"/dags/{DAG}")
    page.get_by_role("button", name="Trigger Dag").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("Tenant id")).to_be_visible()
    return form


def fill_in(form: Locator, fields: Mapping[str, str]) -> None:
    """Fill in the fields of a trigger form: text by the field's title, JSON too."""
    for title, text in fields.items():
        field = form.get_by_role("group").filter(has_text=re.compile(f"^{title}"))
        if field.get_by_role("code").count():
            write_code(field.get_by_role("code"), text)
        else:
            field.get_by_role("textbox").fill(text)


def write_code(editor: Locator, text: str) -> None:
    keyboard = editor.page.keyboard
    editor.click()
    keyboard.press("Control+A")
    keyboard.insert_text(text)
    # The editor has closed brackets and quotes that were closed anyway.
    keyboard.press("Control+Shift+End")
    keyboard.press("Delete")


def trigger_button(form: Locator) -> Locator:
    return form.get_by_role("button", name="Trigger", exact=True)
