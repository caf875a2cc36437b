"""Presets in a real browser, on a real station: saved, compared, applied and deleted from the settings panel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.browsers.inspection import overflowing, violations_in_themes
from tests.harness.browsers.questions import answer_question
from tests.harness.browsers.site import SETTINGS, Site


@pytest.fixture
def panel(page: Page, site: Site) -> Iterator[Locator]:
    """The settings panel of a camera with a preset that differs from its desired settings."""
    site.api.ask("PUT", "cameras/simulated/settings/", {"gain": 3.0})
    site.api.ask(
        "POST", "cameras/simulated/presets/", {"name": "Night", "settings": {"gain": 2.0, "exposure_us": 2000}}
    )
    page.goto("/cameras/simulated/")
    yield page.locator("#settings")
    site.api.ask("PUT", "cameras/simulated/settings/", SETTINGS)
    for preset in site.api.ask("GET", "cameras/simulated/presets/")["results"]:
        site.api.ask("DELETE", f"cameras/simulated/presets/{preset['name']}/")


def test_a_preset_is_compared_applied_and_then_the_same(panel: Locator) -> None:
    night = panel.get_by_role("link", name="Night")
    night.click()
    expect(panel.locator(".compared .st.warn")).to_have_text(["differs", "differs"])
    panel.get_by_role("button", name="Apply Night").click()
    expect(panel.locator(".message.ok")).to_contain_text("Night was applied.")
    expect(panel.get_by_label("Gain")).to_have_value("2")
    night.press("Enter")
    expect(panel.locator(".compared .st.ok")).to_have_text(["same", "same"])


def test_a_preset_is_saved_with_the_keyboard_and_deleted_after_a_question(panel: Locator, page: Page) -> None:
    panel.get_by_label("Name of a new preset").fill("Dusk")
    page.keyboard.press("Enter")
    expect(panel.locator(".message.ok")).to_contain_text("Saved as Dusk.")
    panel.get_by_role("button", name="Delete Dusk").click()
    assert answer_question(page, "Cancel") == "Delete the preset Dusk? No camera settings change."
    expect(panel.get_by_role("link", name="Dusk")).to_be_visible()
    panel.get_by_role("button", name="Delete Dusk").click()
    answer_question(page, "Delete")
    expect(page.locator("main .banner.ok")).to_contain_text("Dusk was deleted.")


def test_a_comparison_is_accessible_in_each_theme_and_fits_a_phone(panel: Locator, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    panel.get_by_role("link", name="Night").click()
    expect(panel.locator(".compared")).to_be_visible()
    assert violations_in_themes(page) == {}
    assert overflowing(page, 390) == []
