"""The live picture on a camera's page, and the page of viewers, in a real browser on a real station."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.harness.browsers.site import Site
from tests.harness.waiting import eventually

URL = "/cameras/simulated/"
NAME = re.compile(r"simulated_\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z_simulated\.jpg")
AN_HOUR_OFF = """() => {
    const now = Date.now;
    Date.now = () => now() + 3600000;
    delete HTMLCanvasElement.prototype.transferControlToOffscreen;
}"""
NO_WEBSOCKETS = """() => {
    delete HTMLCanvasElement.prototype.transferControlToOffscreen;
    window.WebSocket = class extends EventTarget {
        constructor() {
            super();
            setTimeout(() => this.onclose?.({code: 1006}));
        }
        close() {}
        send() {}
    };
}"""
SHOWS_SINCE_WHEN = """() => {
    const live = document.querySelector(".live[data-state=stale]");
    return live && document.querySelector("[data-live-why]").textContent.includes("No picture since")
        && getComputedStyle(live.querySelector("canvas")).filter.includes("grayscale(1)");
}"""
FULL = "() => document.fullscreenElement?.id ?? ''"


@pytest.fixture
def live(page: Page) -> Page:
    """The camera's page with a live picture, for a manager."""
    page.goto(URL)
    is_live(page)
    return page


def chip(page: Page) -> Locator:
    return page.locator("[data-live-chip]")


def is_live(page: Page) -> None:
    expect(chip(page)).to_have_text("Live")


def test_the_chips_say_that_it_is_live_and_not_recorded(live: Page) -> None:
    expect(live.locator("#live-recording")).to_have_text("Not recording")
    expect(live.locator("#live-banner")).to_be_hidden()


def test_a_sentence_beside_the_buttons_moves_none_of_them(live: Page) -> None:
    button = live.get_by_role("button", name="Full screen")
    say = "text => { document.querySelector('#live-said [data-live-why]').textContent = text; }"
    live.evaluate(f"document.querySelector('[data-live-limited]').remove(); ({say})('')")
    before = button.bounding_box()
    live.evaluate(say, "The camera host is busy (100 % of its processors): pictures are smaller and fewer.")
    assert button.bounding_box() == before


def test_another_quality_is_shown_and_remembered(live: Page) -> None:
    live.get_by_role("group", name="Quality").get_by_role("button", name="Low").click()
    eventually(lambda: live.evaluate("document.querySelector('.live canvas').width") == 640)
    live.reload()
    expect(live.get_by_role("button", name="Low")).to_have_attribute("aria-pressed", "true")
    live.keyboard.press("q")
    expect(live.get_by_role("button", name="Medium")).to_have_attribute("aria-pressed", "true")


def test_the_qualities_are_the_stations_own(live: Page, site: Site) -> None:
    presets = site.station.config.live_streaming_config.quality_presets.model_dump()
    shown = live.locator("#live-quality button").evaluate_all("found => found.map((one) => one.value)")
    assert shown == list(presets)
    title = live.get_by_role("button", name="Low").get_attribute("title") or ""
    assert str(presets["low"]["size"]) in title


def test_a_snapshot_is_the_picture_that_is_shown_and_says_so(live: Page) -> None:
    with live.expect_download() as waiting:
        live.keyboard.press("p")
    name = waiting.value.suggested_filename
    assert NAME.fullmatch(name)
    expect(live.locator("[data-live-saved]")).to_have_text(f"Saved {name}")
    with Image.open(waiting.value.path()) as image:
        assert image.format == "JPEG"
        assert image.size == (1280, 1024)


def test_full_screen_by_the_keyboard_and_back(live: Page) -> None:
    live.keyboard.press("f")
    eventually(lambda: live.evaluate(FULL) == "stage")
    live.keyboard.press("f")
    eventually(lambda: live.evaluate(FULL) == "")


def test_a_browsers_wrong_clock_makes_no_picture_old(page: Page) -> None:
    page.add_init_script(f"({AN_HOUR_OFF})()")
    page.goto(URL)
    is_live(page)
    expect(page.locator("[data-live-age]")).to_have_text(re.compile(r"^[0-5]\.\d s$"))


@pytest.fixture
def frozen(site: Site) -> Iterator[psutil.Process]:
    """The camera's process, which a test may stop. On a busy machine it may be replaced as one that hangs."""
    process = site.station.cameras.process()
    yield process
    with suppress(psutil.NoSuchProcess):
        process.resume()


def test_when_frames_stop_the_picture_turns_grey_and_says_since_when(live: Page, frozen: psutil.Process) -> None:
    frozen.suspend()
    eventually(lambda: live.evaluate(SHOWS_SINCE_WHEN), "it is grey, and says since when")
    with suppress(psutil.NoSuchProcess):
        frozen.resume()
    is_live(live)


def only_viewer(site: Site, transport: str) -> str:
    """The id of the only viewer, as soon as those of earlier tests are gone."""

    def found() -> str:
        viewers = site.api.ask("GET", "viewers/")["results"]
        return viewers[0]["id"] if [one["transport"] for one in viewers] == [transport] else ""

    return str(eventually(found, lambda: site.api.ask("GET", "viewers/")))


def test_an_ended_view_says_who_ended_it_and_waits_for_a_click(live: Page, site: Site) -> None:
    only_viewer(site, "websocket")
    other = live.context.new_page()
    other.goto("/live/viewers/")
    other.get_by_role("button", name="End").first.click()
    expect(other.locator("#said-viewers")).to_contain_text("Ended: admin on simulated.")
    banner = live.locator("#live-banner")
    expect(banner).to_contain_text("admin ended this live view.")
    expect(chip(live)).to_have_text("Ended")
    banner.get_by_role("button", name="View again").click()
    is_live(live)
    expect(banner).to_be_hidden()


def test_where_websockets_are_blocked_a_view_can_be_ended_as_well(page: Page, site: Site) -> None:
    page.add_init_script(f"({NO_WEBSOCKETS})()")
    page.goto(URL)
    is_live(page)
    site.api.ask("DELETE", f"viewers/{only_viewer(site, 'mjpeg')}/")
    expect(chip(page)).to_have_text("Ended")


def test_a_camera_that_is_switched_off_has_a_banner_and_what_to_do(page: Page) -> None:
    page.goto("/cameras/spare/")
    expect(page.locator("#live-none")).to_contain_text("Live streaming is not available.")
    expect(page.locator("#live-none")).to_contain_text("skycam cameras set spare --enabled")


def test_the_page_of_viewers_lists_who_is_watching(live: Page) -> None:
    other = live.context.new_page()
    other.goto("/live/viewers/")
    row = other.locator("#viewers tbody tr").first
    expect(row).to_contain_text("admin")
    expect(row).to_contain_text(re.compile(r"bit/s"))
    expect(row).to_contain_text("127.0.0.1")
