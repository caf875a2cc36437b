"""Alert rules in a real browser, on a real station."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import barriers_on
from tests.harness.browsers.site import Site


@pytest.fixture
def no_rule(site: Site) -> Iterator[None]:
    yield
    site.api.call("DELETE", "alert-rules/balcony-hot/")


def test_a_rule_is_tried_while_its_form_is_filled_in_and_then_added(page: Page, site: Site, no_rule: None) -> None:
    page.goto("/alerts/rules/add/")
    page.get_by_label("Name").fill("balcony-hot")
    page.get_by_label("Subject").fill("nowhere:temperature")
    page.get_by_label("Opens above").fill("warm")
    expect(page.locator("#preview")).to_contain_text("Opens above: Write a number")
    page.get_by_label("Opens above").fill("30")
    expect(page.locator("#preview")).to_contain_text("No sensor has readings of nowhere")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#rule-balcony-hot")).to_contain_text("nowhere:temperature")
    assert site.api.get("alert-rules/balcony-hot/")["threshold"] == 30


def test_the_kind_of_a_new_rule_is_chosen_with_the_keyboard(page: Page) -> None:
    page.goto("/alerts/rules/add/")
    page.get_by_label("What the rule watches").focus()
    page.get_by_label("What the rule watches").select_option("event")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Event", exact=True)).to_be_visible()
    expect(page.get_by_label("Within")).to_be_visible()


def test_the_pages_fit_and_are_accessible_in_all_themes(page: Page) -> None:
    assert barriers_on(page, "/alerts/", "/alerts/rules/", "/alerts/rules/add/", "/alerts/maintenance/") == []
