"""One Airflow, one Explo and one browser for all tests here, and a page for each."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from airflow_provider_explo.emulator import ExploEmulator
from tests.browser.standalone import ROOT, Standalone

API_TOKEN = "the-api-token-of-this-test-5c1f"
PATIENCE = 60_000
SCREENSHOTS = ROOT / ".screenshots"
IMAGES = ROOT / "docs" / "images"
SHOWN_IN_DOCS = ("connection-form", "trigger-form", "task-log", "page-light", "page-dark")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def explo() -> Iterator[ExploEmulator]:
    with ExploEmulator(token=API_TOKEN) as explo:
        yield explo


@pytest.fixture(scope="session")
def airflow() -> Iterator[Standalone]:
    with tempfile.TemporaryDirectory(prefix="explo-", ignore_cleanup_errors=True) as folder:
        airflow = Standalone(Path(folder))
        try:
            airflow.start()
            yield airflow
        finally:
            airflow.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, f"There is no browser on this machine: install one of {', '.join(CHROMIUM)}"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, and /dev/shm is small in a container.
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, airflow: Standalone, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the UI, whose last state is kept as a picture."""
    context = browser.new_context(
        base_url=airflow.url, viewport={"width": 1280, "height": 1000}, color_scheme="light", locale="en-US"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    yield page
    shoot_as(page, re.sub(r"\W+", "-", request.node.name))
    context.close()


@pytest.fixture
def shoot(page: Page) -> Callable[[str], None]:
    """Keep a picture of the page; with KEEP=1, those that the documentation shows go there."""
    return lambda name: shoot_as(page, name)


def shoot_as(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    picture = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=picture)
    if os.environ.get("KEEP") and name in SHOWN_IN_DOCS:
        IMAGES.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, IMAGES)
