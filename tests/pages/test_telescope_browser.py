"""A browser imports a field list with an error, corrects it, saves it and sees its night."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import violations_in_themes
from tests.harness.browsers.site import Site

RIGHT = "1.00 -25 Y 100 0 1 0 # first\n3.00 -20 Y 300 0 1 4 # second\n"
LA_SILLA = {"SKYCAM_SITE__LATITUDE": "-29.257", "SKYCAM_SITE__LONGITUDE": "-70.7295"}
WRONG = RIGHT.replace("3.00 -20", "25 -20")
DROP = """([area, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "tonight.fields", { type: "text/plain" }));
    area.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
DROP_BYTES = DROP.replace("[text]", "[new Uint8Array(text)]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A station of its own: with the coordinates of an observatory."""
    site = Site(tmp_path_factory.mktemp("telescope"), **LA_SILLA)
    try:
        yield site.up()
    finally:
        site.station.ensure_stopped()


def test_a_dropped_file_is_corrected_saved_and_planned(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/telescope/add/")
    page.get_by_label("Name").fill("dropped")
    page.evaluate(DROP, [page.locator("#list-text").element_handle(), WRONG])
    expect(page.locator("#preview")).to_contain_text("1 line to correct.")
    expect(page.locator("#preview")).to_contain_text("The right ascension is 25;")
    page.locator("#list-text").fill(RIGHT)
    expect(page.locator("#preview")).to_contain_text("2 fields, each line is right.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("dropped")
    page.get_by_label("Lines of fields").fill("5.00 -20 Y 300 0 1 4 # an alert")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The fields were added for the night.")).to_be_visible()
    expect(page.get_by_label("Table of the progress of each field")).to_contain_text("an alert")


def test_a_dropped_file_in_latin_1_is_read_and_the_page_says_so(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/telescope/add/")
    page.evaluate(DROP_BYTES, [page.locator("#list-text").element_handle(), [*RIGHT.encode(), *b"# Gro\xdfe Wolke"]])
    expect(page.locator("#list-text")).to_have_value(f"{RIGHT}# Große Wolke")
    expect(page.get_by_text("The file is not UTF-8 and was read as Latin-1.")).to_be_visible()


def test_the_page_of_a_list_is_accessible_in_each_theme(page: Page, site: Site) -> None:
    found = site.api.ask("POST", "telescope/field-lists/", {"name": "accessible", "text": RIGHT})
    page.goto(f"{site.url}/telescope/{found['id']}/?evening=2026-11-20")
    assert violations_in_themes(page) == {}
    page.goto(f"{site.url}/telescope/{found['id']}/edit/")
    assert violations_in_themes(page) == {}


def test_a_list_is_observed_each_night_until_that_is_ended(page: Page, site: Site) -> None:
    site.api.ask("POST", "cameras/", {"slug": "mosaic", "kind": "telescope", "address": "127.0.0.1:6000,6001"})
    found = site.api.ask("POST", "telescope/field-lists/", {"name": "each night", "text": RIGHT})
    page.goto(f"{site.url}/telescope/{found['id']}/")
    page.get_by_role("button", name="Observe each night").click()
    expect(page.get_by_label("Each night")).to_contain_text("mosaic observes this list each night")
    assert violations_in_themes(page) == {}
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.get_by_label("Each night")).to_have_count(0)
    expect(page.get_by_role("button", name="Observe each night")).to_be_visible()
