"""Sensors in a real browser, on a real station whose sensors part reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import barriers_on
from tests.harness.browsers.site import Site
from tests.harness.waiting import eventually


@pytest.fixture
def no_sensors(site: Site) -> Iterator[None]:
    yield
    for sensor in site.api.ask("GET", "sensors/")["results"]:
        site.api.ask("DELETE", f"sensors/{sensor['name']}/")


@pytest.fixture
def sensor(site: Site, no_sensors: None) -> Any:
    """One that is read."""
    body = {"name": "balcony", "label": "Balcony", "kind": "simulated", "interval_s": 1}
    site.api.ask("POST", "sensors/", body)
    return eventually(lambda: has_values(site))


def has_values(site: Site) -> Any:
    found = site.api.ask("GET", "sensors/balcony/")
    channels = [one for one in found["channels"] if one["quality"] == "ok"]
    return found if len(channels) >= 2 else None


def test_a_device_is_found_tried_and_added(page: Page, site: Site, no_sensors: None) -> None:
    page.goto("/sensors/")
    page.get_by_role("button", name="Search for sensors").click()
    row = page.locator("#found tbody tr").filter(has_text="Simulated sensor")
    row.get_by_role("link", name="Add").click()
    page.get_by_label("Display name").fill("Balcony")
    page.get_by_label("Humidity").fill("41")
    page.get_by_role("button", name="Test these settings").click()
    expect(page.locator("#said-sensor")).to_contain_text("Simulated humidity 41 %")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#channels")).to_contain_text("41 %")
    page.goto("/")
    expect(page.locator("#dashboard-sensors")).to_contain_text("Balcony")


def test_a_failed_test_says_what_the_driver_said(page: Page, site: Site, sensor: Any) -> None:
    page.goto("/sensors/balcony/")
    page.get_by_label("Fault").select_option("error")
    page.get_by_role("button", name="Test these settings").click()
    expect(page.locator("#said-sensor")).to_contain_text("The test failed. The simulated sensor")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("#said-sensor")).to_contain_text("It answered in")
    # Its process, which paused for the test, reads on.
    tested_at = site.api.ask("GET", "sensors/balcony/")["at"]
    eventually(lambda: site.api.ask("GET", "sensors/balcony/")["at"] > tested_at)


def test_a_sensor_that_gives_nothing_turns_missing_by_itself_and_its_age_counts(
    page: Page, site: Site, sensor: Any
) -> None:
    page.goto("/sensors/balcony/")
    expect(page.locator("#channels")).to_contain_text("°C")
    site.api.ask("PATCH", "sensors/balcony/", {"settings": {"fault": "silent"}})
    expect(page.locator("#channels tr.is-bad").first).to_contain_text("Missing")
    expect(page.locator("#channels tr.is-bad").first).not_to_contain_text("°C")
    expect(page.locator("#sensor-head")).to_contain_text("Missing")


def test_a_channel_is_edited_and_a_sensor_removed_with_the_keyboard(page: Page, site: Site, sensor: Any) -> None:
    page.goto("/sensors/balcony/")
    page.get_by_role("link", name="Edit Simulated temperature").press("Enter")
    page.get_by_label("Display name").fill("Mast")
    page.get_by_label("Offset").fill("-0.5")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.locator("#channels")).to_contain_text("Mast")
    page.get_by_role("link", name="Remove").press("Enter")
    page.get_by_role("button", name="Remove Balcony").press("Enter")
    expect(page.locator("main .banner.ok")).to_contain_text("Balcony was removed.")
    assert site.api.ask("GET", "sensors/")["results"] == []


def test_the_pages_are_accessible_in_each_theme_and_fit_a_phone(page: Page, site: Site, sensor: Any) -> None:
    channel = sensor["channels"][0]["id"]
    paths = (
        "/sensors/", "/sensors/balcony/", f"/sensors/balcony/channels/{channel}/", "/sensors/balcony/remove/",
        "/sensors/add/?kind=simulated",
    )  # fmt: skip
    assert barriers_on(page, *paths) == []
