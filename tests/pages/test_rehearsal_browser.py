"""Finding cameras and simulating faults in a real browser, on a real station."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import violations_in_themes
from tests.harness.browsers.site import Site


def test_cameras_are_searched_for_on_all_hosts_and_their_list_is_accessible_in_each_theme(page: Page) -> None:
    page.goto("/cameras/")
    found = page.locator("#found")
    found.get_by_role("button", name="Search for cameras").click()
    expect(found.get_by_role("button", name="Search again")).to_be_visible()
    expect(found.locator("table, .empty")).to_have_count(1)
    assert violations_in_themes(page) == {}


def test_a_camera_is_added_by_hand(page: Page, site: Site) -> None:
    page.goto("/cameras/")
    page.get_by_label("ID", exact=True).fill("by-hand")
    page.get_by_label("Kind").select_option("simulated")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="by-hand", level=1)).to_be_visible()
    site.api.ask("DELETE", "cameras/by-hand/")


def test_faults_are_switched_on_and_cleared_in_the_panel(page: Page) -> None:
    page.goto("/cameras/simulated/")
    panel = page.locator("#faults")
    panel.get_by_label("Temperature").fill("61")
    panel.get_by_role("button", name="Apply").click()
    expect(panel.locator(".message.ok")).to_contain_text("The faults apply from the next picture.")
    expect(page.locator("#facts")).to_contain_text("Simulated faults")
    panel.get_by_role("button", name="Clear all").click()
    expect(panel.locator(".message.ok")).to_contain_text("All faults are off.")
    expect(page.locator("#facts")).not_to_contain_text("Simulated faults")
