"""A page whose station no longer answers: old data look old, and a pressed button says that nothing was sent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

LATE_MS = 6000
"""After this time without an answer the station counts as lost."""
CARD = "#cam-simulated"
WELL = re.compile("Ready|Live|Exposing|In session")

OFFLINE = """(live, age) => {
    const view = live.cloneNode(true);
    view.removeAttribute("data-live");
    view.dataset.state = "offline";
    view.querySelector("[data-live-age]").textContent = age;
    live.replaceWith(view);
}"""
"""Make the live view offline, with a picture of some age or without one."""


@pytest.fixture
def lost(page: Page) -> Page:
    """An open dashboard after the last answer. The browser's clock is fake, so that it need not wait."""
    page.clock.install()
    page.goto("/")
    expect(page.locator(f"{CARD} header .st")).to_have_text(WELL)
    page.route("**/*", lambda route: route.abort())
    page.clock.fast_forward(LATE_MS)
    expect(page.locator("#connection")).to_be_visible()
    return page


def test_states_become_unknown(lost: Page) -> None:
    expect(lost.locator("#summary")).to_have_text(re.compile(r"^\d+ cameras: unknown since \d\d:\d\d:\d\d$"))
    expect(lost.locator(f"{CARD} header .st")).to_have_text("Unknown")
    expect(lost.locator(f"{CARD} header .st use")).to_have_attribute("href", re.compile("#stale$"))
    expect(lost.locator("#side-cameras .st.ok")).to_have_count(0)
    expect(lost.locator(f"{CARD} .well")).to_have_class(re.compile("stale"))
    expect(lost.locator("#link")).to_have_text("No answer")
    expect(lost.locator("#link use")).to_have_attribute("href", re.compile("#stale$"))


@pytest.mark.parametrize(
    ("age", "shown", "hidden"), [("8 s", ".of-live.tr", ".of-still"), ("", ".of-still", ".of-live.tr")]
)
def test_a_picture_shows_one_age(lost: Page, age: str, shown: str, hidden: str) -> None:
    lost.locator(f"{CARD} .live").evaluate(OFFLINE, age)
    expect(lost.locator(f"{CARD} .hud{shown}")).to_be_visible()
    expect(lost.locator(f"{CARD} .hud{hidden}")).to_be_hidden()


def test_the_banner_claims_only_what_is_known(lost: Page) -> None:
    banner = lost.locator("#connection")
    expect(banner).to_contain_text(re.compile(r"No answer from the station since \d\d:\d\d:\d\d"))
    expect(banner).to_contain_text("Cameras may still be running")


def test_a_pressed_button_says_that_nothing_was_sent(lost: Page) -> None:
    lost.locator(CARD).get_by_role("button", name="Capture").click()
    expect(lost.locator("#said-simulated")).to_have_text("Capture was not sent. The station does not answer.")


def test_a_form_that_leads_to_another_page_says_so_too(lost: Page) -> None:
    lost.get_by_role("button", name="Sign out").click()
    expect(lost.locator("#refused")).to_contain_text("Sign out was not sent. The station does not answer.")


def test_the_page_recovers_by_itself(lost: Page) -> None:
    lost.unroute_all(behavior="ignoreErrors")
    expect(lost.locator("#connection")).to_be_hidden()
    expect(lost.locator(f"{CARD} header .st")).to_have_text(WELL)
    expect(lost.locator("#summary")).to_contain_text("1 working")
    expect(lost.locator("#side-cameras .st.ok").first).to_be_visible()
    expect(lost.locator("#link")).to_have_text("Connected")


def test_the_top_bar_of_a_phone_has_no_room_for_it(lost: Page) -> None:
    lost.set_viewport_size({"width": 390, "height": 844})
    expect(lost.locator("#link")).to_be_hidden()
    lost.unroute_all(behavior="ignoreErrors")
    expect(lost.locator("#connection")).to_be_hidden()
    expect(lost.locator("#link")).to_have_text("Connected")
    expect(lost.locator("#link")).to_be_hidden()
