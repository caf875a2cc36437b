"""Recording in a real browser, on a real station."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import barriers_at
from tests.harness.browsers.site import Site
from tests.harness.waiting import eventually


@pytest.fixture
def recorded(page: Page, site: Site) -> Iterator[Page]:
    """The page of the camera after its button has started the recording."""
    page.goto("/cameras/simulated/")
    page.locator("#recording").get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#recording .st")).to_have_text("Recording")
    expect(page.locator("#recording").get_by_role("button", name="Stop recording")).to_be_enabled()
    yield page
    site.api.ask("POST", "cameras/simulated/stop-recording/", {})


def test_the_page_shows_the_recording_live(recorded: Page) -> None:
    panel = recorded.locator("#recording")
    expect(panel).to_contain_text("admin, rolling")
    expect(panel).to_contain_text("MB/min")
    expect(panel).to_contain_text("enough for")
    expect(recorded.locator("#camera-head .st")).to_have_text("Recording")


def test_a_shortcut_stops_and_restarts_the_recording(recorded: Page) -> None:
    recorded.keyboard.press("r")
    expect(recorded.locator("#said-simulated")).to_contain_text("Recording stopped")
    expect(recorded.locator("#recording [data-action=record]")).to_be_enabled()
    recorded.keyboard.press("r")
    expect(recorded.locator("#recording .st")).to_have_text("Recording")


def test_a_card_starts_and_stops_the_recording(page: Page, site: Site) -> None:
    page.goto("/")
    card = page.locator("#cam-simulated")
    card.get_by_role("button", name="Record Simulated camera", exact=True).click()
    expect(card.locator("header .st")).to_have_text("Recording")
    card.get_by_role("button", name="Stop recording").click()
    expect(card.get_by_role("button", name="Record Simulated camera", exact=True)).to_be_visible()
    eventually(lambda: site.api.ask("GET", "cameras/simulated/status/")["recorder"] is None, "it is not recorded")


def test_the_panel_is_accessible_and_fits(recorded: Page) -> None:
    assert barriers_at(recorded, 390, 1440) == {}
