"""The pages in a real browser, on a real station with a simulated camera."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.harness.browsers.clocks import let_events_through
from tests.harness.browsers.inspection import (
    brightest_other_than_red,
    drawn_at,
    overflowing,
    violations,
    violations_in_themes,
)
from tests.harness.browsers.site import PAGES, Site, in_theme, manager_window
from tests.harness.stations.http_client import PASSWORD
from tests.harness.waiting import eventually

RUNNING = re.compile("Ready|Live")
CARD = "#cam-simulated"
SLOW_MS = 3000
"""Shorter than until a page counts the station as lost."""
TROUBLES = {
    "away": lambda route: route.abort(),
    "broken": lambda route: route.fulfill(status=500),
    "locked": lambda route: route.fulfill(status=503),
}
CLOSE_WHEN_SENT = """document.addEventListener('htmx:beforeSend', (event) => {
    if (event.detail.elt.matches('#dialog form')) document.querySelector('#dialog').close();
})"""


def test_a_user_signs_in_and_out(stranger_page: Page) -> None:
    stranger_page.goto("/status/")
    stranger_page.get_by_label("Name").fill("admin")
    stranger_page.get_by_label("Password").fill(PASSWORD)
    stranger_page.get_by_role("button", name="Sign in").click()
    expect(stranger_page.get_by_role("heading", name="Status", exact=True)).to_be_visible()
    stranger_page.get_by_role("button", name="Sign out").click()
    expect(stranger_page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_capture_appears_with_its_outcome_in_its_place(page: Page) -> None:
    page.goto("/")
    card = page.locator(CARD)
    newest = page.locator("#recent a").first.get_attribute("href") or ""
    card.get_by_role("button", name="Capture").click()
    expect(card.locator(".message.ok")).to_contain_text("Saved")
    expect(page.locator("#recent a").first).not_to_have_attribute("href", newest)
    assert page.url.endswith("/")


def test_a_session_is_started_seen_and_stopped(page: Page) -> None:
    page.goto("/")
    card = page.locator(CARD)
    card.get_by_role("link", name="Start session").click()
    form = page.locator("#dialog form")
    form.get_by_label("Exposure").fill("50 ms")
    form.get_by_label("Wait").fill("0.2")
    form.get_by_label("Frames").fill("5000")
    form.get_by_role("button", name="Start").click()
    expect(card.get_by_role("button", name="Stop session")).to_be_visible()
    expect(card.locator(".do")).to_contain_text("of 5000")
    expect(card.locator(".facts .more").first).to_contain_text("saved")
    card.get_by_role("button", name="Stop session").click()
    expect(page.locator("#said-simulated")).to_contain_text("Session stopped")
    expect(card.get_by_role("button", name="Capture Simulated camera", exact=True)).to_be_visible()


def test_an_invalid_session_form_is_corrected_in_the_dialog(page: Page) -> None:
    page.goto("/cameras/simulated/")
    page.keyboard.press("s")
    form = page.locator("#dialog form")
    form.get_by_label("Exposure").fill("long")
    form.get_by_role("button", name="Start").click()
    expect(form.locator(".hint.bad")).to_contain_text("is not an exposure")
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()


def test_settings_show_the_values_that_the_camera_uses(page: Page) -> None:
    page.goto("/cameras/simulated/")
    settings = page.locator("#settings")
    settings.get_by_label("Gain").fill("99")
    settings.get_by_role("button", name="Apply").click()
    expect(settings.locator(".hint.bad")).to_have_text("1 to 16 on this camera")
    settings.get_by_label("Gain").fill("2")
    settings.get_by_role("button", name="Apply").click()
    expect(settings.locator(".message.ok")).to_contain_text("The camera has applied the settings.")


def test_a_camera_is_disconnected_and_connected(page: Page) -> None:
    page.goto("/")
    card = page.locator(CARD)
    card.get_by_role("button", name="Disconnect").click()
    expect(card.locator("header .st")).to_have_text("Disconnected")
    card.get_by_role("button", name="Connect").click()
    expect(card.locator("header .st")).to_have_text(RUNNING)


def test_the_theme_survives_a_reload_without_a_flash(page: Page) -> None:
    page.goto("/")
    page.get_by_role("group", name="Theme").first.get_by_role("button", name="Red").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "red")
    answer = page.goto("/status/")
    assert answer is not None
    assert 'data-theme="red"' in answer.text()


def test_shortcuts_open_pages_and_cameras(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    # Until its scripts run, a new page hears no keys.
    page.wait_for_url("**/cameras/simulated/", wait_until="load")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Status", exact=True)).to_be_visible()


def test_a_slow_answer_updates_the_page_and_does_not_count_as_a_loss(page: Page) -> None:
    page.clock.install()
    page.goto("/")
    held: list[Route] = []
    page.route("**/now/", lambda route: held.append(route))
    for _ in range(2):
        page.evaluate("document.querySelector('#summary').textContent = 'outdated'")
        page.evaluate("htmx.trigger(document.body, 'acted')")
        eventually(lambda: let_events_through(page) and held, "an update is requested")
        page.clock.fast_forward(SLOW_MS)
        while held:
            held.pop().continue_()
        expect(page.locator("#summary")).not_to_have_text("outdated")
    expect(page.locator("#connection")).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")


def test_a_form_stays_open_while_the_page_is_hidden_and_others_act(page: Page) -> None:
    page.goto("/cameras/simulated/")
    form = open_start_dialog(page)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.evaluate("htmx.trigger('#act-capture-simulated', 'acted')")
    expect(form).to_be_visible()
    expect(form.get_by_label("Name")).to_have_value("Perseids")


def answer_with(trouble: str, page: Page, address: str, method: str = "POST") -> None:
    """Let requests of that method fail from now on. To be called before the page is opened: Chromium lets the first
    requests after this call pass if others are under way."""

    def answer(route: Route) -> None:
        if route.request.method == method:
            TROUBLES[trouble](route)
        else:
            route.continue_()

    page.route(address, answer)


@pytest.mark.parametrize("trouble", ["away", "broken"])
def test_a_refused_form_keeps_its_input(trouble: str, page: Page) -> None:
    answer_with(trouble, page, "**/start/")
    page.goto("/cameras/simulated/")
    form = open_start_dialog(page)
    form.get_by_role("button", name="Start").click()
    expect(form.locator(".message.bad")).to_contain_text("The station ")
    expect(form.get_by_label("Name")).to_have_value("Perseids")


def test_refused_settings_keep_their_input(page: Page) -> None:
    answer_with("away", page, "**/settings/")
    page.goto("/cameras/simulated/")
    settings = page.locator("#settings")
    settings.get_by_label("Gain").fill("3")
    settings.get_by_role("button", name="Apply").click()
    expect(settings.locator(".message.bad")).to_contain_text("The station does not answer.")
    expect(settings.get_by_label("Gain")).to_have_value("3")


def test_the_page_says_that_a_form_could_not_be_loaded(page: Page) -> None:
    answer_with("broken", page, "**/start/", "GET")
    page.goto("/cameras/simulated/")
    page.keyboard.press("s")
    expect(page.locator("#refused")).to_contain_text("The station could not do this (500).")
    page.locator("#refused").get_by_role("button", name="Close").click()
    expect(page.locator("#refused")).to_be_hidden()


def test_the_page_says_that_the_database_is_locked(page: Page) -> None:
    answer_with("locked", page, "**/start/", "GET")
    page.goto("/cameras/simulated/")
    page.keyboard.press("s")
    expect(page.locator("#refused")).to_contain_text("The station cannot do this right now.")


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [("locked", "The station cannot do this right now."), ("away", "was not sent. The station does not answer.")],
)
def test_a_refusal_is_shown_if_an_update_has_removed_the_button(trouble: str, sentence: str, page: Page) -> None:
    requests: list[Route] = []
    page.route("**/start/", lambda route: requests.append(route))
    page.goto("/cameras/simulated/")
    with page.expect_request("**/start/"):
        page.keyboard.press("s")
    page.evaluate("document.querySelector('#act-start-simulated').remove()")
    TROUBLES[trouble](requests[0])
    expect(page.locator("#refused")).to_contain_text(sentence)


def test_a_refusal_after_the_dialog_was_closed_is_shown_on_the_page(page: Page) -> None:
    answer_with("broken", page, "**/start/")
    page.goto("/cameras/simulated/")
    form = open_start_dialog(page)
    page.evaluate(CLOSE_WHEN_SENT)
    form.get_by_role("button", name="Start").click()
    expect(page.locator("#refused")).to_contain_text("The station could not do this (500).")


def open_start_dialog(page: Page) -> Locator:
    """Open the dialog that starts a session, and type a name."""
    page.keyboard.press("s")
    form = page.locator("#dialog form")
    form.get_by_label("Name").fill("Perseids")
    return form


def test_the_clock_follows_the_station_after_a_sleep(page: Page) -> None:
    page.goto("/")
    page.route("**/now/", in_january)
    expect(page.locator("[data-clock-utc]")).to_have_text(re.compile("^08:0"))
    expect(page.locator("#clock [data-clock]")).to_have_text(re.compile("^10:0"))
    expect(page.locator("#side-cameras time").first).to_have_text(re.compile("^[0-9]+ d "))
    page.unroute_all(behavior="ignoreErrors")


def test_ages_keep_counting_after_a_sleep_without_the_station(page: Page) -> None:
    page.goto("/")
    page.route("**/now/", lambda route: route.abort())
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 3 * 3600 * 1000; }")
    expect(page.locator("#side-cameras time").first).to_have_text(re.compile("^3 h "))


def in_january(route: Route) -> None:
    """Answer with the time 2028-01-16 08:00 UTC and the offset +2 h, as after a long sleep of the browser."""
    answer = route.fetch()
    text = re.sub(r'data-now="[\d.]+"', 'data-now="1831622400"', answer.text())
    route.fulfill(response=answer, body=re.sub(r'data-offset="-?\d+"', 'data-offset="7200"', text))


TOPS = """() => {
  document.querySelector("#dashboard-sensors").replaceChildren();
  return [".below .stack .panel", "#events"].map((one) => document.querySelector(one).getBoundingClientRect().top);
}"""
"""Where the first panels of both columns begin while the station has no sensor."""


def test_the_first_panels_of_both_columns_begin_at_one_height(page: Page) -> None:
    page.goto("/")
    assert len(set(page.evaluate(TOPS))) == 1


def test_the_chart_is_drawn(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".chart canvas")).to_be_visible()
    expect(page.locator(".chart .end").first).to_contain_text("Simulated camera")


def test_the_chart_draws_only_measured_values_has_a_table_and_updates(page: Page, site: Site) -> None:
    in_theme(page, site, "light")
    page.clock.install()
    shown = [20.0]
    page.route("**/temperatures/", lambda route: route.fulfill(json=readings(shown[0])))
    page.goto("/")
    expect(page.locator(".chart canvas")).to_be_visible()
    eventually(lambda: drawn_at(page, 0.1, 0.4, 0.6, 0.95) == [True, False, False, True], "the chart is drawn")
    page.get_by_text("As a table").click()
    row = page.locator("[data-chart-table] tbody tr")
    expect(row).to_contain_text(re.compile(r"Sky ?20 at \d\d:\d\d:\d\d ?20 ?20 ?.*\d to .*\d"))
    shown[0] = 25.0
    eventually(lambda: page.clock.fast_forward(31_000) or "25 at " in row.inner_text(), "the chart is updated")


def readings(celsius: float) -> dict[str, Any]:
    """Temperatures of the last hour: one per minute in its first and last quarter, none between."""
    now = int(time.time())
    ages = [*range(60, 45, -1), *range(15, -1, -1)]
    return {"series": [{"name": "Sky", "points": [[now - 60 * age, celsius] for age in ages]}]}


def test_the_checks_of_the_station_run_on_the_status_page(page: Page) -> None:
    page.goto("/status/")
    expect(page.locator("#status")).to_contain_text("worker")
    page.get_by_role("link", name="Run checks").click()
    expect(page.locator("#examination")).to_contain_text("Database")


@pytest.fixture(scope="module")
def red_window(chromium: Browser, site: Site) -> Iterator[Page]:
    """One window for all visits, in the red theme. An error on its console fails the last of them."""
    with manager_window(chromium, site) as page:
        in_theme(page, site, "red")
        yield page


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_accessible_in_each_theme_fits_each_window_and_shows_only_red_in_the_red_theme(
    address: str, red_window: Page
) -> None:
    """In a window that is opened with the least width and grows."""
    red_window.set_viewport_size({"width": 320, "height": 844})
    red_window.goto(address)
    too_wide = overflowing(red_window, 320, 390, 2560, 1440)
    brightest = brightest_other_than_red(red_window, full_page=True)
    assert (violations_in_themes(red_window), brightest, too_wide) == ({}, 0, [])


def test_the_sign_in_page_is_accessible_on_a_phone(stranger_page: Page) -> None:
    stranger_page.set_viewport_size({"width": 390, "height": 844})
    stranger_page.goto("/accounts/login/")
    assert violations(stranger_page) == []
