"""The side bar, the top bar and the list of keys in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.harness.browsers.inspection import brightest_other_than_red, violations_in_themes
from tests.harness.browsers.site import Site, in_theme, window

SMALL = {"width": 1280, "height": 720}
BELOW_THE_FOLD = """() => [...document.querySelectorAll(".side a, .side summary, .topbar :is(a, button)")]
    .filter((one) => one.checkVisibility() && !one.closest("#side-cameras"))
    .filter((one) => one.getBoundingClientRect().bottom > innerHeight)
    .map((one) => one.textContent.trim())"""
LONG = "sub => sub.textContent = 'Paused by the gate rain since 17:29. '.repeat(20)"
CUT = """one => {
    const text = document.createRange();
    text.selectNodeContents(one);
    return text.getBoundingClientRect().width > one.getBoundingClientRect().width;
}"""
OVERFLOWS = "side => side.scrollHeight > side.clientHeight"
SCROLLED_TO = "list => [list.scrollTop, document.activeElement.id]"


@pytest.fixture
def small(page: Page) -> Page:
    page.set_viewport_size(SMALL)
    return page


def group(page: Page, name: str) -> Locator:
    return page.locator(".side summary", has_text=name)


@pytest.mark.parametrize("address", ["/", "/gallery/", "/nights/", "/sensors/", "/admin/", "/webhooks/", "/settings/"])
def test_nothing_of_the_side_bar_is_below_the_fold(address: str, small: Page) -> None:
    small.goto(address)
    expect(small.locator(".side [aria-current=page]")).to_be_visible()
    expect(small.locator(".side details[open]")).to_have_count(1)
    assert small.evaluate(BELOW_THE_FOLD) == []
    assert not small.locator(".side").evaluate(OVERFLOWS)


def test_clock_theme_zone_and_sign_out_are_in_the_top_bar(small: Page) -> None:
    small.goto("/")
    bar = small.locator(".topbar")
    for one in (
        bar.locator("#clock"),
        bar.get_by_role("group", name="Theme"),
        bar.get_by_role("group", name="Time zone"),
        bar.get_by_role("button", name="Sign out"),
    ):
        expect(one).to_be_in_viewport()
    box = bar.bounding_box()
    assert box is not None
    assert box["height"] <= 48


def test_the_text_behind_the_name_in_a_pages_head_is_cut_before_the_name(small: Page) -> None:
    small.goto("/cameras/simulated/")
    small.locator(".head .sub").evaluate(LONG)
    assert small.locator(".head .sub").evaluate(CUT)
    assert not small.locator(".head h1").evaluate(CUT)


def test_a_group_opens_by_the_keyboard_and_stays_open_in_this_browser(small: Page) -> None:
    small.goto("/")
    group(small, "Storage").press("Enter")
    expect(small.get_by_role("link", name="Archive admin")).to_be_visible()
    small.goto("/events/")
    expect(small.get_by_role("link", name="Archive admin")).to_be_visible()
    group(small, "Storage").press("Space")
    small.goto("/")
    expect(small.get_by_role("link", name="Archive admin")).to_be_hidden()


def test_a_hidden_page_opens_by_show_all_and_by_its_key(small: Page) -> None:
    small.goto("/")
    expect(small.get_by_role("link", name="Web-hooks")).to_be_hidden()
    group(small, "Show all").click()
    small.locator(".side").get_by_role("link", name="Web-hooks").click()
    expect(small.get_by_role("heading", name="Web-hooks", level=1)).to_be_visible()
    small.goto("/")
    small.keyboard.press("g")
    small.keyboard.press("y")
    expect(small.get_by_role("heading", name="Telescope", level=1)).to_be_visible()


def test_groups_fold_without_scripts(plain_page: Page) -> None:
    plain_page.goto("/")
    group(plain_page, "Station").click()
    plain_page.locator(".side").get_by_role("link", name="Settings").click()
    expect(plain_page.locator(".side [aria-current=page]")).to_have_text("Settings")


def test_the_list_of_keys_opens_at_its_top_each_time(small: Page) -> None:
    small.set_viewport_size({"width": 900, "height": 400})
    small.goto("/")
    keys = small.locator("#keys")
    small.keyboard.press("?")
    assert keys.evaluate(SCROLLED_TO) == [0, "keys-title"]
    keys.evaluate("list => list.scrollTo(0, 9999)")
    small.keyboard.press("Escape")
    small.get_by_role("button", name="Keyboard shortcuts and all pages").click()
    assert keys.evaluate(SCROLLED_TO) == [0, "keys-title"]
    keys.get_by_role("link", name="Web-hooks").click()
    expect(small.get_by_role("heading", name="Web-hooks", level=1)).to_be_visible()


def test_an_open_list_of_keys_is_accessible_and_shows_only_red(small: Page, site: Site) -> None:
    in_theme(small, site, "red")
    small.goto("/")
    group(small, "Show all").click()
    small.keyboard.press("?")
    assert brightest_other_than_red(small) == 0
    assert violations_in_themes(small) == {}


@pytest.fixture
def phone(chromium: Browser, site: Site) -> Iterator[Page]:
    with window(chromium, site, viewport={"width": 390, "height": 844}) as page:
        yield page


def test_tonight_is_a_tab_of_a_phone(phone: Page) -> None:
    phone.goto("/")
    phone.get_by_role("navigation", name="Main").get_by_role("link", name="Tonight").click()
    expect(phone.get_by_role("navigation", name="Main").locator("[aria-current=page]")).to_have_text("Tonight")
