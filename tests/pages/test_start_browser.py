"""The form that starts a session in a real browser: a dialog over a page, and a page of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.browsers.inspection import overflowing, violations_in_themes
from tests.harness.browsers.site import Site

START = "/cameras/simulated/start/"
HOME = re.compile("/cameras/simulated/$")


@pytest.fixture
def stopped(site: Site) -> Iterator[None]:
    """Stops the session that a test has started."""
    yield
    running = site.api.ask("GET", "sessions/?state=running")["results"]
    site.api.ask("POST", f"sessions/{running[0]['id']}/stop/", {}) if running else None


@pytest.fixture
def form(page: Page) -> Locator:
    """The form on a page of its own: a new tab, a middle click, a link."""
    page.goto(START)
    return page.locator("#start-form")


def filled(form: Locator, **values: str) -> None:
    for label, text in values.items():
        form.get_by_label(label, exact=True).fill(text)


@pytest.mark.promise("browser")
def test_a_session_is_started_from_the_page_of_the_form(form: Locator, stopped: None) -> None:
    filled(form, Exposure="50 ms", Wait="0.2 s", Frames="3")
    form.get_by_role("button", name="Start", exact=True).click()
    expect(form.page).to_have_url(HOME)
    expect(form.page.locator("main .banner.ok")).to_contain_text("Session running.")


@pytest.mark.promise("browser")
def test_errors_are_shown_at_their_fields_and_the_first_has_the_focus(form: Locator) -> None:
    filled(form, Exposure="2", Wait="soon", Frames="0", Name="Perseids")
    form.get_by_role("button", name="Start", exact=True).click()
    expect(form.locator(".hint.bad")).to_have_count(3)
    expect(form.get_by_label("Exposure")).to_be_focused()
    expect(form.get_by_label("Name")).to_have_value("Perseids")
    expect(form.page.locator("#start-form")).to_have_count(1)
    expect(form.page.locator("#dialog")).to_be_hidden()


def test_a_button_chooses_the_unit_of_a_number(form: Locator) -> None:
    filled(form, Exposure="2")
    form.get_by_role("button", name="Start", exact=True).click()
    form.get_by_role("button", name="2 s", exact=True).click()
    expect(form.get_by_label("Exposure")).to_have_value("2 s")
    expect(form.locator("#start-forecast")).to_contain_text("2 s with pauses of ")


def test_the_forecast_updates_while_the_form_is_filled_in(form: Locator) -> None:
    forecast = form.locator("#start-forecast")
    expect(forecast).to_contain_text("8 s with pauses of 12 s")
    filled(form, Exposure="4 s", Wait="30 s", Until="2 h")
    form.get_by_label("Counted").select_option("start")
    expect(forecast).to_contain_text("4 s every 30 s until")
    expect(forecast).to_contain_text("about 240 pictures")
    filled(form, Exposure="4")
    expect(forecast).to_contain_text("4 has no unit. Write 4 s or 4 ms.")


def test_without_scripts_the_forecast_is_confirmed(plain_page: Page, stopped: None) -> None:
    plain_page.goto(START)
    filled(plain_page.locator("#start-form"), Exposure="50 ms", Wait="0.2 s", Frames="3")
    plain_page.locator("#start-form").get_by_role("button", name="Start").click()
    expect(plain_page.locator("main")).to_contain_text("3 pictures")
    expect(plain_page.get_by_role("button", name="2 s")).to_be_hidden()
    plain_page.get_by_role("region", name="Confirm the session").get_by_role("button", name="Start").click()
    expect(plain_page).to_have_url(HOME)
    expect(plain_page.locator("main .banner.ok")).to_contain_text("Session running.")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_refused_form_is_accessible_in_each_theme_and_fits(width: int, form: Locator) -> None:
    page = form.page
    page.set_viewport_size({"width": width, "height": 900})
    filled(form, Exposure="2", Wait="soon")
    form.get_by_role("button", name="Start", exact=True).click()
    expect(form.locator(".hint.bad")).to_have_count(2)
    assert violations_in_themes(page) == {}
    assert overflowing(page, width) == []
