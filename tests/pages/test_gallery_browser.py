"""The gallery, a capture's page and a session's page in a real browser, on a real station."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from captures.files.thumbnails import LONGER_SIDE
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations, violations_in_themes
from tests.harness.browsers.site import Site, in_theme
from tests.harness.kills.faults import stopped
from tests.harness.project import PROJECT
from tests.harness.rows.station_rows import put_captures
from tests.harness.waiting import eventually

PICTURE = PROJECT / "docs" / "pictures" / "dashboard-dark.png"
WHOLE = "img => img.complete && img.naturalWidth > 0"
SHIFTS = """async () => {
  // The shifts of a frame are recorded with it.
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const observer = new PerformanceObserver(() => {});
  observer.observe({ type: "layout-shift", buffered: true });
  return observer.takeRecords().reduce((sum, entry) => sum + entry.value, 0);
}"""


@pytest.fixture(scope="module")
def captures(site: Site) -> list[dict[str, Any]]:
    """Three saved captures, the newest last."""
    return [site.station.cameras.saved_capture(note=f"number {n}") for n in range(3)]


@pytest.fixture(scope="module")
def session(site: Site) -> str:
    """The address of a finished session."""
    body = {"exposure_us": 1000, "delay_s": 0.2, "count": 4, "name": "Four"}
    made = site.api.ask("POST", "cameras/simulated/start/", body)
    eventually(lambda: site.api.ask("GET", f"sessions/{made['id']}/")["state"] == "finished", "the session is finished")
    return f"/sessions/{made['id']}/"


def tile(page: Page, capture: dict[str, Any]) -> Any:
    return page.locator(f"#c-{capture['id']}")


def test_two_clicks_lead_to_a_date_and_hour(page: Page, captures: list[dict[str, Any]]) -> None:
    page.goto("/gallery/?day=2020-02-02")
    expect(page.get_by_role("heading", name="2020-02-02")).to_be_visible()
    page.get_by_role("link", name="Next day with captures").click()
    page.locator(".cal a[aria-current]").click()
    page.get_by_role("navigation", name="Jump to an hour").get_by_role("link", name="Newest").click()
    expect(tile(page, captures[2])).to_be_visible()


def test_a_typed_date_and_time_starts_the_page_there(page: Page, captures: list[dict[str, Any]]) -> None:
    page.goto("/gallery/")
    page.get_by_label("Jump to date and time", exact=True).fill("2020-02-02 23:50")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="2020-02-02")).to_be_visible()
    expect(page.get_by_label("Jump to date and time", exact=True)).to_have_value("2020-02-02 23:50:00")


def test_a_date_and_time_is_chosen_by_keyboard_and_other_formats_are_not_sent(page: Page) -> None:
    page.goto("/gallery/?day=2020-02-02")
    field = page.get_by_label("Jump to date and time", exact=True)
    field.fill("2020-02-28 23:50:00")
    page.get_by_role("button", name="Choose from a calendar").press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("2020-04-01 23:50:00")
    page.get_by_label("Hour").fill("7")
    page.get_by_label("Hour").press("Enter")
    expect(page.get_by_role("dialog", name="Choose date and time")).to_have_count(0)
    expect(field).to_have_value("2020-04-01 07:50:00")
    assert violations(page) == []
    page.get_by_role("button", name="Choose from a calendar").press("Enter")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Choose from a calendar")).to_be_focused()
    field.fill("04/01/2020, 07:50 AM")
    page.get_by_role("button", name="Go").click()
    assert field.evaluate("field => field.validity.patternMismatch")
    assert page.url.endswith("/gallery/?day=2020-02-02")


@pytest.mark.parametrize("width", [360, 390])
def test_the_date_and_time_are_whole_on_a_phone(page: Page, captures: list[dict[str, Any]], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/gallery/")
    page.locator("#jump-to").fill("2026-11-21 02:07:10")
    assert page.locator("#jump-to").evaluate("field => field.scrollWidth <= field.clientWidth")
    assert overflowing(page, width) == []


def test_thumbnails_appear_without_moving_anything(page: Page, captures: list[dict[str, Any]]) -> None:
    page.goto("/gallery/")
    image = tile(page, captures[2]).locator("img")
    eventually(lambda: image.evaluate(WHOLE), "the thumbnail is there")
    assert page.evaluate(SHIFTS) < 0.01


def test_a_picture_opens_at_full_size_with_its_details(page: Page, captures: list[dict[str, Any]]) -> None:
    page.goto("/gallery/")
    tile(page, captures[1]).click()
    expect(page.locator(".pswp--ui-visible")).to_be_visible()
    page.keyboard.press("i")
    expect(page.locator(".pswp__facts")).to_contain_text("number 1")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".pswp__facts")).to_contain_text("number 2")
    expect(page.locator(".pswp").get_by_text("SIMULATED", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)


FAR = datetime(2026, 2, 3, 20, microsecond=500_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def long_day(site: Site) -> list[str]:
    """The ids of 80 captures of one day; three are failed."""
    return put_captures(site.station, FAR, 80, lost=(40, 41, 70))


def test_the_lightbox_continues_through_all_pictures_of_the_day(page: Page, long_day: list[str]) -> None:
    page.route("**/thumbnail/**", lambda route: route.fulfill(path=PICTURE))
    page.goto("/gallery/?day=2026-02-03&camera=simulated&status=saved")
    page.locator("#tiles .th").nth(58).click()
    place, where = page.locator(".pswp__place"), page.locator(".pswp__where")
    expect(place).to_have_text("59 / 77")
    expect(where).to_contain_text("Simulated camera 2026-02-03")
    for number in range(60, 78):
        page.keyboard.press("ArrowRight")
        expect(place).to_have_text(f"{number} / 77")
    expect(page.locator(".pswp__item[aria-hidden=false] img")).to_be_visible()
    expect(where).to_contain_text("2026-02-03 20:13:10")
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("77 / 77")
    page.keyboard.press("Escape")
    expect(page.locator(f"#c-{long_day[-1]}")).to_be_focused()


def test_the_lightbox_returns_to_a_tile_that_is_not_in_the_page(page: Page, long_day: list[str]) -> None:
    page.route("**/thumbnail/**", lambda route: route.fulfill(path=PICTURE))
    page.goto("/gallery/?day=2026-02-03&camera=simulated&status=saved&at=20:10")
    page.locator("#tiles .th").first.click()
    place = page.locator(".pswp__place")
    expect(place).to_have_text("59 / 77")
    expect(page.locator(".pswp--ui-visible")).to_be_visible()
    for number in range(58, 54, -1):
        page.keyboard.press("ArrowLeft")
        expect(place).to_have_text(f"{number} / 77")
    page.keyboard.press("Escape")
    page.wait_for_url(f"**status=saved*cursor=*#c-{long_day[56]}")
    expect(page.locator(f"#c-{long_day[56]}")).to_be_focused()


def test_the_original_is_downloaded(page: Page, captures: list[dict[str, Any]]) -> None:
    page.goto(f"/captures/{captures[0]['id']}/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download jpeg").click()
    assert Path(download.value.path()).stat().st_size == captures[0]["bytes"]


def test_a_picture_is_moved_to_the_trash_on_its_page_and_its_capture_stays(page: Page, site: Site) -> None:
    made = site.station.cameras.saved_capture()
    page.goto(f"/captures/{made['id']}/")
    page.keyboard.press("f")
    eventually(lambda: page.evaluate("document.fullscreenElement?.id") == "stage", "the picture fills the screen")
    page.evaluate("document.exitFullscreen()")
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("#dialog")).to_contain_text("This moves 1 file of Simulated camera")
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("The picture is in the trash.")).to_be_visible()
    expect(page.get_by_text("A manager can restore it")).to_be_visible()
    expect(page.get_by_role("link", name="Delete")).to_have_count(0)


def test_arrow_keys_go_from_tile_to_tile_and_from_capture_to_capture(
    page: Page, captures: list[dict[str, Any]]
) -> None:
    page.goto("/gallery/")
    tile(page, captures[1]).focus()
    page.keyboard.press("ArrowRight")
    expect(tile(page, captures[2])).to_be_focused()
    page.goto(f"/captures/{captures[1]['id']}/")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/captures/{captures[0]['id']}/")


def test_a_pending_thumbnail_says_so_and_appears(page: Page, captures: list[dict[str, Any]]) -> None:
    page.route("**/thumbnail/**", lambda route: route.fulfill(status=503))
    page.goto("/gallery/")
    expect(tile(page, captures[2])).to_have_attribute("data-waits", "Being rendered")
    page.unroute("**/thumbnail/**")
    eventually(lambda: tile(page, captures[2]).locator("img").evaluate(WHOLE), "the thumbnail is there")
    expect(tile(page, captures[2])).not_to_have_attribute("data-waits", "Being rendered")


NATURAL_SIDE = "img => img.complete ? Math.max(img.naturalWidth, img.naturalHeight) : 0"


def test_a_late_thumbnail_is_a_grey_picture_of_its_size_until_it_is_rendered(
    page: Page, captures: list[dict[str, Any]], site: Site
) -> None:
    image = tile(page, captures[2]).locator("img")
    with stopped(site.station.pid_of_running("jobs")):
        for thumbnail in site.station.config.storage_root.glob(".thumbnails/*/*.jpg"):
            thumbnail.unlink()
        page.goto("/gallery/")
        eventually(lambda: image.evaluate(NATURAL_SIDE) == LONGER_SIDE, "the placeholder is there")
        expect(tile(page, captures[2])).to_have_attribute("data-waits", "Being rendered")
        space = image.bounding_box()
    eventually(lambda: image.evaluate(NATURAL_SIDE) > LONGER_SIDE, "the thumbnail is there")
    assert image.bounding_box() == space


def test_a_pending_picture_appears_at_full_size_by_itself(page: Page, captures: list[dict[str, Any]]) -> None:
    page.route("**/thumbnail/?size=2048", lambda route: route.fulfill(status=503))
    page.goto("/gallery/")
    tile(page, captures[2]).click()
    expect(page.locator(".pswp__item[aria-hidden=false]")).to_contain_text("The picture is not rendered yet")
    page.unroute("**/thumbnail/?size=2048")
    expect(page.locator(".pswp__item[aria-hidden=false] .pswp__img").last).to_be_visible()
    expect(page.locator(".pswp__item[aria-hidden=false] .pswp__error-msg")).to_have_count(0)


def test_the_gallery_works_without_scripts(plain_page: Page, captures: list[dict[str, Any]]) -> None:
    plain_page.goto("/gallery/")
    tile(plain_page, captures[2]).click()
    expect(plain_page.get_by_role("heading", name="Capture details")).to_be_visible()


def test_a_session_has_its_ledger_and_its_captures(page: Page, session: str) -> None:
    page.goto(session)
    expect(page.locator("#session-head")).to_contain_text("Finished")
    expect(page.locator("#session-numbers")).to_contain_text("of 4")
    page.get_by_role("link", name="All captures").click()
    expect(page.locator("#tiles .th")).to_have_count(4)


def test_a_session_is_stopped_on_its_page(page: Page, site: Site) -> None:
    made = site.api.ask("POST", "cameras/simulated/start/", {"exposure_us": 1000, "cadence_s": 0.5, "count": 5000})
    page.goto(f"/sessions/{made['id']}/")
    page.get_by_role("button", name="Stop session").click()
    expect(page.locator("#session-head")).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Stop session")).to_have_count(0)


RIGHT = "element => element.getBoundingClientRect().right"


def test_on_a_phone_tables_fit_and_every_page_and_signing_out_is_two_taps_away(
    page: Page, captures: list[dict[str, Any]], session: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/captures/{captures[0]['id']}/")
    assert page.get_by_role("link", name="Download jpeg").evaluate(RIGHT) <= 378
    tabs = page.get_by_role("navigation", name="Main")
    tabs.get_by_role("button", name="More").click()
    more = page.get_by_role("dialog", name="All pages")
    expect(more.get_by_role("button", name="Sign out")).to_be_visible()
    expect(more.get_by_role("group", name="Time zone")).to_be_visible()
    expect(more.get_by_role("link", name="Cameras")).to_be_visible()
    assert violations(page) == []
    more.get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()
    assert max(cell.evaluate(RIGHT) for cell in page.locator(".sessions-table td").all()) <= 378


@pytest.fixture(params=["capture", "session", "lightbox"])
def red_place(
    request: pytest.FixtureRequest, page: Page, site: Site, captures: list[dict[str, Any]], session: str
) -> Page:
    """A page of a single row, in the red theme: a capture, a session, or a picture at full size."""
    in_theme(page, site, "red")
    page.goto(
        {"capture": f"/captures/{captures[0]['id']}/", "session": session, "lightbox": "/gallery/"}[request.param]
    )
    if request.param == "lightbox":
        tile(page, captures[0]).click()
        expect(page.locator(".pswp--ui-visible")).to_be_visible()
        page.keyboard.press("i")
        expect(page.locator(".pswp__facts")).to_contain_text("number 0")
    return page


def test_the_page_is_accessible_in_each_theme_shows_only_red_in_the_red_one_and_fits(red_place: Page) -> None:
    assert brightest_other_than_red(red_place) == 0
    assert violations_in_themes(red_place) == {}
    assert overflowing(red_place, 320) == []
