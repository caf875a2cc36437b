"""A session paused and resumed in a real browser, on a real station: on its own page and on the camera's card."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import barriers_at
from tests.harness.browsers.site import Site


@pytest.fixture
def session(site: Site) -> Iterator[str]:
    """The id of a running session of the browser's user."""
    asked = {"exposure_us": 1000, "cadence_s": 1}
    yield str(site.api.ask("POST", "cameras/simulated/start/", asked)["id"])
    site.api.ask("POST", "cameras/simulated/stop/", {})


def test_a_session_is_paused_and_resumed_on_its_page(page: Page, session: str) -> None:
    page.goto(f"/sessions/{session}/")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#said-session")).to_contain_text("ause")
    expect(page.locator("#session-head .st")).to_have_text("Paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#session-head .st")).to_have_text("Running")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()


def test_a_card_pauses_and_resumes_the_session(page: Page, session: str) -> None:
    page.goto("/")
    card = page.locator("#cam-simulated")
    card.get_by_role("button", name="Pause session").click()
    expect(card.get_by_role("button", name="Resume session")).to_be_visible()
    card.get_by_role("button", name="Resume session").click()
    expect(card.get_by_role("button", name="Pause session")).to_be_visible()


def test_the_buttons_fit_and_have_names(page: Page, session: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/sessions/{session}/")
    assert barriers_at(page, 390, 1440) == {}
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    assert barriers_at(page, 390, 1440) == {}
