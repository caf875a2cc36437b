"""Rows that pages show, a broker without a camera host and, for browser tests, a real station."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.conftest import camera, no_tries_counted, root, valkey, world

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.harness.browsers.site import Site

PATIENCE_MS = 30_000
"""How long a page may take to show what is expected, where a test has no limit of its own. Playwright's 5 s are too
short for a busy machine."""
__all__ = ["camera", "no_tries_counted", "root", "valkey", "world"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real station with two simulated cameras, one of them disabled."""
    from tests.harness.browsers.site import Site

    site = Site(tmp_path_factory.mktemp("pages"))
    try:
        yield site.up()
    finally:
        site.station.ensure_stopped()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. While it is open, an event loop runs in this thread: Django must be allowed to read rows, and
    asynchronous tests, which start their own loop, belong in other modules."""
    from playwright.sync_api import expect, sync_playwright

    from tests.harness.browsers.site import ARGUMENTS, CHROMIUM

    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    assert os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE") == before


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A window of a signed-in manager. An error on its console fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=site.url)
    context.add_cookies(site.cookies())
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [text for text in errors if site.unexpected(text)] == []


@pytest.fixture
def stranger_page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A window of a user who is not signed in."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=site.url)
    yield context.new_page()
    context.close()


@pytest.fixture
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "shots"


@pytest.fixture
def pictures(camera: Any, root: Any) -> Any:
    """Five hundred captures of the camera, each with a file and a temperature."""
    from tests.harness.rows.pages import captures

    return captures(camera, root, 500)
