"""A night of the gallery as one scroll, and the zoom of a picture at full size, in a real browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.harness.browsers.clocks import let_events_through
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import DESKTOP, Site, in_theme, window
from tests.harness.rows.station_rows import put_captures
from tests.harness.waiting import eventually

BEGIN = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)
NUMBER = 3000
"""A capture each ten seconds from 12:00 to 20:20: fifty pages."""
MOST_TILES = 8 * 60
NIGHT = "/gallery/?day=2026-02-10&by=day&camera=simulated"
IDS = "[...document.querySelectorAll('#tiles .th')].map(tile => tile.id.slice(2))"
IMAGE = ".pswp__item[aria-hidden=false] .pswp__img:not(.pswp__img--placeholder)"
TO_THE_END = "scrollTo(0, document.documentElement.scrollHeight)"
PLACE = "tile => [Math.round(tile.getBoundingClientRect().left), Math.round(tile.getBoundingClientRect().top)]"
FIRST_VISIBLE = """() => {
    const edge = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
    const tiles = [...document.querySelectorAll("#tiles .th")];
    return tiles.find((tile) => tile.getBoundingClientRect().bottom > edge).id.slice(2);
}"""


@pytest.fixture(scope="module")
def night(site: Site) -> list[str]:
    """The ids of the captures of one day, the earliest first."""
    return put_captures(site.station, BEGIN, NUMBER)


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    """A picture of the size of the captures' rows."""
    buffer = io.BytesIO()
    Image.new("RGB", (1280, 1024), (90, 90, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


def opened(page: Page, site: Site, jpeg: bytes) -> Page:
    """The night in UTC, with a picture for each capture."""
    page.context.add_cookies([{"name": "clock", "value": "utc", "url": site.url}])
    page.route("**/thumbnail/**", lambda route: route.fulfill(body=jpeg, content_type="image/jpeg"))
    page.goto(NIGHT)
    expect(page.locator("#scrubber")).to_be_visible()
    return page


@pytest.fixture
def gallery(page: Page, site: Site, night: list[str], jpeg: bytes) -> Iterator[Page]:
    yield opened(page, site, jpeg)
    page.unroute_all(behavior="ignoreErrors")


def scrubber(page: Page) -> Locator:
    return page.get_by_label("Time of the day", exact=True)


def drag_to(page: Page, hour: int, minute: int = 0) -> None:
    """Let the scrubber go at that time, as a pointer does."""
    seconds = int(BEGIN.replace(hour=hour, minute=minute).timestamp())
    scrubber(page).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input'));"
        " slider.dispatchEvent(new Event('change')); }",
        seconds,
    )


@pytest.mark.prove
def test_the_whole_night_is_reached_by_scrolling_in_a_bounded_page(gallery: Page, night: list[str]) -> None:
    seen: list[list[str]] = []

    def is_at_end() -> bool:
        gallery.evaluate(TO_THE_END)
        seen.append(gallery.evaluate(IDS))
        return seen[-1][-1] == night[-1]

    eventually(is_at_end, "the end of the night is reached")
    assert max(len(ids) for ids in seen) <= MOST_TILES
    assert [ids for ids in seen if ids != night[night.index(ids[0]) : night.index(ids[-1]) + 1]] == []
    expect(gallery.locator("[data-more=later]")).to_be_hidden()


def test_tiles_above_come_back_and_the_visible_ones_keep_their_place(gallery: Page, night: list[str]) -> None:
    """In seven columns, of which a page of sixty tiles fills no whole number of rows."""
    gallery.set_viewport_size({"width": 1600, "height": 900})
    drag_to(gallery, 15)
    tile = gallery.locator(f"#c-{night[1080]}")
    eventually(lambda: gallery.evaluate(FIRST_VISIBLE) == night[1080], "the tile of 15:00 is at the top")
    place = tile.evaluate(PLACE)
    eventually(lambda: gallery.evaluate(IDS)[0] != night[1080], "earlier tiles are loaded above it")
    assert tile.evaluate(PLACE) == place


def test_the_scrubber_leads_to_a_time_by_the_keyboard(gallery: Page, night: list[str]) -> None:
    gallery.set_viewport_size({"width": 1280, "height": 720})
    scrubber(gallery).focus()
    gallery.keyboard.press("End")
    eventually(lambda: gallery.evaluate(IDS)[-1] == night[-1], "the end of the night is shown")
    gallery.keyboard.press("Home")
    eventually(lambda: gallery.evaluate(FIRST_VISIBLE) == night[0], "the begin of the night is shown")
    gallery.keyboard.press("ArrowRight")
    eventually(lambda: gallery.evaluate(FIRST_VISIBLE) == night[5], "the row of 12:01 is at the top, of five tiles")
    expect(scrubber(gallery)).to_have_attribute("aria-valuetext", "12:01")
    gallery.keyboard.press("ArrowRight")
    eventually(lambda: gallery.evaluate(FIRST_VISIBLE) == night[10], "the row of 12:02 is at the top")
    expect(scrubber(gallery)).to_have_attribute("aria-valuetext", "12:02")
    expect(scrubber(gallery)).to_be_focused()


def test_the_scrubber_and_the_address_follow_the_tiles(gallery: Page, night: list[str]) -> None:
    drag_to(gallery, 18, 30)
    gallery.wait_for_url("**at=18%3A30")
    gallery.reload()
    expect(gallery.locator("#tiles .th").first).to_have_attribute("id", f"c-{night[2340]}")
    expect(gallery.locator("#scrubber output")).to_have_text("18:30")


def test_a_page_that_does_not_come_is_asked_again(gallery: Page) -> None:
    shown = len(gallery.evaluate(IDS))
    gallery.route("**/gallery/tiles/**", lambda route: route.abort())
    gallery.evaluate(TO_THE_END)
    expect(gallery.locator("[data-more=later]")).to_contain_text("The station does not answer. It is asked again.")
    gallery.unroute("**/gallery/tiles/**")
    eventually(lambda: len(gallery.evaluate(IDS)) > shown, "the later tiles are shown")
    expect(gallery.locator("[data-more=later]")).not_to_contain_text("does not answer")


def test_the_answer_of_an_earlier_jump_is_dropped(gallery: Page, night: list[str]) -> None:
    held: list[Route] = []
    gallery.route("**/gallery/tiles/*to=2026-02-10T14*", lambda route: held.append(route))
    drag_to(gallery, 14)
    eventually(lambda: let_events_through(gallery) and held, "the first jump is under way")
    drag_to(gallery, 19)
    eventually(lambda: gallery.evaluate(FIRST_VISIBLE) == night[2520], "the second jump has ended")
    with gallery.expect_event("requestfinished", lambda request: request.url == held[0].request.url):
        held[0].continue_()
    gallery.evaluate("fetch(location).then((answer) => answer.text())")  # the page has handled the answer before
    expect(gallery.locator("#scrubber output")).to_have_text("19:00")
    assert gallery.evaluate(FIRST_VISIBLE) == night[2520]


def test_a_picture_opens_among_all_of_the_night_after_a_jump(gallery: Page, night: list[str]) -> None:
    drag_to(gallery, 16)
    eventually(lambda: gallery.evaluate(FIRST_VISIBLE) == night[1440], "the tile of 16:00 is at the top")
    gallery.locator(f"#c-{night[1440]}").click()
    expect(gallery.locator(".pswp__place")).to_have_text("1441 / 3000")
    gallery.keyboard.press("ArrowLeft")
    expect(gallery.locator(".pswp__place")).to_have_text("1440 / 3000")
    gallery.keyboard.press("Escape")
    expect(gallery.locator(f"#c-{night[1439]}")).to_be_focused()


def test_a_picture_that_is_closed_before_it_is_loaded_has_the_focus_once_it_is(gallery: Page, night: list[str]) -> None:
    gallery.goto(f"{NIGHT}&at=16:00")
    held: list[Route] = []
    gallery.route("**/gallery/pictures/**", lambda route: held.append(route))
    gallery.locator(f"#c-{night[1440]}").click()
    expect(gallery.locator(".pswp__place")).to_have_text("1441 / 3000")
    gallery.keyboard.press("ArrowLeft")
    expect(gallery.locator(".pswp__place")).to_have_text("1440 / 3000")
    gallery.keyboard.press("Escape")
    expect(gallery.locator(".pswp")).to_have_count(0)
    held[0].continue_()
    expect(gallery.locator(f"#c-{night[1439]}")).to_be_focused()


def test_a_night_is_accessible_while_it_is_scrolled_fits_and_shows_only_red(gallery: Page, site: Site) -> None:
    in_theme(gallery, site, "red")
    gallery.goto(f"{NIGHT}&at=14:00")
    gallery.locator("#tiles .th").nth(30).scroll_into_view_if_needed()
    assert brightest_other_than_red(gallery) == 0
    assert violations_in_themes(gallery) == {}
    assert overflowing(gallery, 320, 800) == []


def test_without_scripts_the_night_has_pages(plain_page: Page, night: list[str]) -> None:
    plain_page.goto(NIGHT)
    expect(plain_page.locator("#scrubber")).to_be_hidden()
    plain_page.get_by_role("link", name="Later this day").click()
    expect(plain_page.locator(f"#c-{night[60]}")).to_be_visible()
    plain_page.get_by_role("link", name="Earlier this day").click()
    expect(plain_page.locator(f"#c-{night[0]}")).to_be_visible()


def at_full_size(page: Page, capture: str) -> Page:
    """With the picture of that capture fitted into the window."""
    page.locator(f"#c-{capture}").click()
    expect(page.locator(IMAGE)).to_be_visible()
    expect(page.locator(".pswp__place")).to_have_text("2 / 3000")
    return page


@pytest.fixture
def picture(gallery: Page, night: list[str]) -> Page:
    return at_full_size(gallery, night[1])


def level(page: Page) -> int:
    """The zoom in per cent, as the bar says it."""
    return int(page.locator(".pswp__zoom-level").inner_text().removesuffix(" %") or 0)


def left_edge(page: Page) -> Any:
    return page.locator(IMAGE).evaluate("image => image.getBoundingClientRect().left")


def test_a_picture_zooms_by_keys_and_arrows_move_it(picture: Page) -> None:
    fitted = level(picture)
    picture.keyboard.press("+")
    picture.keyboard.press("+")
    eventually(lambda: level(picture) > 2 * fitted, "it is zoomed in")
    before = left_edge(picture)
    picture.keyboard.press("ArrowRight")
    eventually(lambda: left_edge(picture) < before, "it is moved")
    expect(picture.locator(".pswp__place")).to_have_text("2 / 3000")
    picture.keyboard.press("-")
    picture.keyboard.press("0")
    eventually(lambda: level(picture) == fitted, "it fits again")
    picture.keyboard.press("ArrowRight")
    expect(picture.locator(".pswp__place")).to_have_text("3 / 3000")


def test_a_picture_zooms_by_the_wheel_and_is_dragged(picture: Page) -> None:
    fitted = level(picture)
    picture.mouse.move(700, 450)
    picture.mouse.wheel(0, -400)
    eventually(lambda: level(picture) > fitted, "it is zoomed in")
    before = left_edge(picture)
    picture.mouse.down()
    picture.mouse.move(500, 450, steps=5)
    picture.mouse.up()
    eventually(lambda: left_edge(picture) < before, "it is dragged")
    expect(picture.locator(".pswp__place")).to_have_text("2 / 3000")


@pytest.fixture
def touched(chromium: Browser, site: Site, night: list[str], jpeg: bytes) -> Iterator[Page]:
    """A picture at full size on a screen that is touched."""
    with window(chromium, site, viewport=DESKTOP, has_touch=True) as page:
        yield at_full_size(opened(page, site, jpeg), night[1])


def test_a_picture_zooms_by_pinching(touched: Page) -> None:
    fingers, fitted = touched.context.new_cdp_session(touched), level(touched)

    def touch(kind: str, *distances: float) -> None:
        points = [{"x": 700 + sign * far, "y": 450} for far in distances for sign in (-1, 1)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 40)
    touch("touchMove", 90)
    touch("touchMove", 160)
    eventually(lambda: level(touched) > fitted, "it is zoomed in")
    touch("touchEnd")


def test_the_list_of_keys_names_the_zoom_and_leaves_the_picture_open(picture: Page) -> None:
    picture.keyboard.press("?")
    expect(picture.locator("#keys")).to_contain_text("zoom in, out, fit")
    picture.keyboard.press("Escape")
    expect(picture.locator("#keys")).to_be_hidden()
    expect(picture.locator(".pswp--ui-visible")).to_be_visible()
