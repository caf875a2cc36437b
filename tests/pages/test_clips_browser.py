"""Recordings in a real browser, on a real station: find a moment, play, seek, single frames, pin, delete."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cameras.drivers.simulated.codec import read_frame_number
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import Site, in_theme
from tests.harness.rows.clips import FPS, content, cut_off, uneven
from tests.harness.rows.station_rows import put_clip
from tests.harness.waiting import eventually

STARTED = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
FRAMES = 600
DAY = {"from": "2026-03-28T00:00:00Z", "to": "2026-03-29T00:00:00Z"}
HALTING = [
    *(place / 30 for place in range(6)), *(2.5 + place / 2 for place in range(4)), *(4.5 + n / 30 for n in range(6)),
]  # fmt: skip
WIDE, HIGH = 288, 112
"""Pixels from the upper left corner that hold a frame's number."""
PIXELS = """(video, [wide, high]) => { const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [wide, high];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const red = context.getImageData(0, 0, wide, high).data.filter((_, place) => place % 4 === 0);
    return btoa(Array.from(red, (value) => String.fromCharCode(value)).join("")); }"""
UNREPORTED = """const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (report) {
        return ask.call(this, (now, frame) => {
            if (frame.presentedFrames % 2) this.requestVideoFrameCallback(report);
            else report(now, frame);
        });
    };"""
"""Every second frame is shown without a report, as on a busy machine."""


@pytest.fixture(scope="module")
def clip(site: Site) -> str:
    """The id of a clip of one minute from noon, with frames numbered from 0."""
    return put_clip(site.station, STARTED, content(FRAMES), FRAMES / FPS)


@pytest.fixture(scope="module")
def cut(site: Site) -> str:
    """The id of a clip of half a minute, an hour later, whose file ends in the middle of a fragment."""
    film = cut_off(content(300), 0.8)
    later = STARTED + timedelta(hours=1)
    return put_clip(
        site.station, later, film, 20, interrupted=1, reason="camera_crashed", message="The process was killed."
    )


@pytest.fixture(scope="module")
def halting(site: Site) -> str:
    """The id of a clip with 30 frames per second, a pause of 2 s, 2 frames per second, and 30 again."""
    return put_clip(
        site.station, STARTED + timedelta(hours=5), uneven(HALTING), HALTING[-1] + 1 / 30, frames=len(HALTING)
    )


def frame_number(page: Page) -> int | None:
    """The number of the frame that the player shows."""
    pixels = base64.b64decode(page.locator("video").evaluate(PIXELS, [WIDE, HIGH]))
    return read_frame_number(np.frombuffer(pixels, np.uint8).reshape(HIGH, WIDE))


class FrameIn:
    """The frame that the page shows, also in the message of a failure."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __str__(self) -> str:
        state = self.page.locator("video").evaluate("v => [v.currentTime, v.seeking, v.paused, v.readyState]")
        return f"it shows {frame_number(self.page)}; time, seeking, paused and ready: {state}"


def wait_for_frame(page: Page, number: int) -> None:
    """Wait until the player shows that frame."""
    eventually(lambda: frame_number(page) == number, FrameIn(page))


def wait_for_time(page: Page, number: int) -> None:
    """Wait until the player shows that frame of the whole clip, and knows it: a browser paints a frame before it
    reports its time, and a busy machine may take long in between."""
    wait_for_frame(page, number)
    expect(page.locator("#player[data-stepping]")).to_have_count(0)
    at = STARTED + timedelta(seconds=number / FPS)
    expect(page.locator("[data-wall=utc]")).to_have_text(f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3])


def wait_until_loaded(page: Page) -> None:
    eventually(lambda: page.locator("video").evaluate("v => v.readyState >= 2"), "the clip is loaded")


def seek(page: Page, seconds: float) -> None:
    page.locator("video").evaluate("(v, seconds) => { v.currentTime = seconds; }", seconds)


def test_two_clicks_lead_from_the_timeline_to_a_frame(page: Page, clip: str) -> None:
    page.goto("/clips/?day=2026-03-28&camera=simulated")
    page.get_by_label("Jump to date and time", exact=True).fill(local_text(page, STARTED + timedelta(seconds=30)))
    page.get_by_role("button", name="Go").click()
    expect(page).to_have_url(f"{page.url.split('/clips/')[0]}/clips/{clip}/?t=30")
    wait_until_loaded(page)
    wait_for_frame(page, 300)


def local_text(page: Page, moment: datetime) -> str:
    """The moment by the reader's clock, for a date and time field."""
    offset = int(page.locator("[data-now]").get_attribute("data-offset") or 0)
    return f"{moment + timedelta(seconds=offset):%Y-%m-%d %H:%M:%S}"


def test_a_clip_is_found_played_searched_pinned_and_deleted(page: Page, site: Site, clip: str) -> None:
    mine = put_clip(site.station, STARTED + timedelta(hours=3), content(FRAMES), FRAMES / FPS)
    page.goto("/clips/?day=2026-03-28")
    page.locator(f"#c-{mine} a.th").click()
    wait_until_loaded(page)
    page.get_by_role("button", name="Play").click()
    eventually(lambda: page.locator("video").evaluate("v => v.currentTime") > 0.5, "the clip plays")
    page.get_by_role("button", name="Pause").click()
    seek(page, 45.05)
    wait_for_frame(page, 450)
    expect(page.locator("[data-wall=utc]")).to_have_text("2026-03-28 15:00:45.000")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Pinned")).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("#dialog")).to_contain_text("It cannot be deleted: it is held by a pin")
    page.locator("#dialog").get_by_role("link", name="Close").click()
    page.get_by_role("button", name="Pinned").click()
    expect(page.get_by_role("button", name="Pin", exact=True)).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("#dialog")).to_contain_text("600 frames")
    page.get_by_role("button", name="Delete 1 clip").click()
    expect(page.get_by_text("Deleted: ")).to_be_visible()
    expect(page.locator(f"#c-{mine}")).to_have_count(0)


def test_keys_step_by_single_frames_and_seconds(page: Page, clip: str) -> None:
    page.goto(f"/clips/{clip}/?t=10.05")
    wait_until_loaded(page)
    wait_for_time(page, 100)
    found = []
    for key, number in ((".", 101), (".", 102), (",", 101), ("ArrowRight", 151), ("ArrowLeft", 101)):
        page.keyboard.press(key)
        wait_for_time(page, number)
        found.append(number)
    page.keyboard.press("+")
    assert page.locator("video").evaluate("v => v.playbackRate") == 2


def test_single_frames_are_stepped_in_order_at_any_frame_rate(page: Page, halting: str) -> None:
    page.goto(f"/clips/{halting}/")
    wait_until_loaded(page)
    wait_for_frame(page, 0)
    numbers = list(range(len(HALTING)))
    assert press_repeatedly(page, ".", numbers[1:]) == numbers[1:]
    assert press_repeatedly(page, ",", numbers[-2::-1]) == numbers[-2::-1]


def test_quick_key_presses_are_queued(page: Page, halting: str) -> None:
    page.goto(f"/clips/{halting}/")
    wait_until_loaded(page)
    wait_for_frame(page, 0)
    [page.keyboard.press(".") for _ in range(14)]
    wait_for_frame(page, 14)


def test_a_skip_during_a_step_runs_after_it_and_before_the_next_step(page: Page, clip: str) -> None:
    page.goto(f"/clips/{clip}/?t=10.05")
    wait_until_loaded(page)
    wait_for_frame(page, 100)
    [page.keyboard.press(key) for key in (".", ".", "ArrowRight", ",")]
    page.wait_for_selector("#player:not([data-stepping])")
    wait_for_frame(page, 151)


def test_steps_and_skips_do_not_depend_on_the_report_of_each_frame(page: Page, clip: str) -> None:
    page.add_init_script(UNREPORTED)
    page.goto(f"/clips/{clip}/?t=10.05")
    wait_until_loaded(page)
    found = []
    for keys, number in ((".", 101), ((".", "ArrowRight", ","), 151), (("ArrowLeft", ",", "."), 101), (",", 100)):
        [page.keyboard.press(key) for key in keys]
        wait_for_time(page, number)
        found.append(number)
    assert found == [101, 151, 101, 100]


def press_repeatedly(page: Page, key: str, numbers: list[int]) -> list[int]:
    """Press the key once for each of `numbers`; the frame numbers shown after each press."""
    found = [frame_number(page)]
    for _ in numbers:
        page.keyboard.press(key)
        found.append(wait_for_other_frame(page, found[-1]))
    return [number for number in found[1:] if number is not None]


def wait_for_other_frame(page: Page, than: int | None) -> int | None:
    """Wait until the player rests on another frame; its number."""
    resting = "document.querySelector('#player').dataset.stepping === undefined"
    eventually(lambda: page.evaluate(resting) and frame_number(page) != than, f"another frame than {than} is shown")
    return frame_number(page)


def test_shortcuts_work_after_a_click_and_space_presses_a_focused_button(page: Page, clip: str) -> None:
    page.goto(f"/clips/{clip}/?t=10.05")
    wait_until_loaded(page)
    wait_for_frame(page, 100)
    page.get_by_role("button", name="One frame forward").click()
    wait_for_frame(page, 101)
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, 151)
    page.keyboard.press(",")
    wait_for_frame(page, 150)
    page.keyboard.press(" ")
    wait_for_frame(page, 151)
    page.keyboard.press("+")
    assert page.locator("video").evaluate("v => [v.playbackRate, v.paused]") == [2, True]


@pytest.mark.parametrize(("key", "rate"), [("+", 2), ("-", 0.5)])
def test_a_speed_from_the_browsers_menu_changes_to_the_next_of_ours(
    page: Page, clip: str, key: str, rate: float
) -> None:
    page.goto(f"/clips/{clip}/")
    wait_until_loaded(page)
    page.locator("video").evaluate("v => { v.playbackRate = 1.25; }")
    page.keyboard.press(key)
    assert page.locator("video").evaluate("v => v.playbackRate") == rate


def test_a_clip_that_was_cut_off_plays_and_seeks_to_its_last_frame(page: Page, cut: str) -> None:
    page.goto(f"/clips/{cut}/")
    wait_until_loaded(page)
    last = round(page.locator("video").evaluate("v => v.duration") * FPS) - 1
    seek(page, (last + 0.5) / FPS)
    wait_for_frame(page, last)
    assert 150 < last < 300
    expect(page.locator("main .banner").filter(has_text="Cut off at")).to_contain_text("The process was killed.")


def test_without_its_index_the_file_itself_is_played(page: Page, clip: str) -> None:
    page.route("**/file/?form=faststart", lambda route: route.fulfill(status=503))
    page.goto(f"/clips/{clip}/?t=20.05")
    wait_until_loaded(page)
    wait_for_frame(page, 200)


def test_a_clip_that_cannot_be_played_says_so(page: Page, clip: str) -> None:
    page.route("**/file/**", lambda route: route.fulfill(status=404))
    page.goto(f"/clips/{clip}/")
    expect(page.locator("[data-failed]")).to_be_visible()


def test_a_click_on_the_timeline_seeks_in_the_clip_or_opens_another(page: Page, clip: str, cut: str) -> None:
    page.goto(f"/clips/{clip}/?from=2026-03-28T12:00:00Z&to=2026-03-28T14:00:00Z")
    wait_until_loaded(page)
    lane = page.locator(".lane")
    width = lane.bounding_box()["width"]  # type: ignore[index]
    lane.click(position={"x": width * 0.25 / 60, "y": 10})
    eventually(lambda: page.locator("video").evaluate("v => v.currentTime") > 5, "the player has sought")
    lane.click(position={"x": width * 0.501, "y": 10})
    page.wait_for_url(f"**/clips/{cut}/?t=*&from=2026-03-28T12*")


def span_s(page: Page) -> float:
    """The seconds that the timeline shows, by the address; a day if the address has no range."""
    values = parse_qs(urlsplit(page.evaluate("location.href")).query)
    begin, end = (datetime.fromisoformat(values.get(name, [day])[0]) for name, day in DAY.items())
    return (end - begin).total_seconds()


def widest_bar(page: Page) -> float:
    """The width of the widest bar of video, in thousandths of the timeline."""
    return max(float(bar.get_attribute("width") or 0) for bar in page.locator(".lane rect.video").all())


def test_the_timeline_zooms_from_a_day_to_a_minute_and_keeps_its_range_in_the_address(
    page: Page, clip: str, cut: str
) -> None:
    page.goto("/clips/?day=2026-03-28&camera=simulated")
    lane = page.locator(".lane")
    assert widest_bar(page) <= 2
    lane.focus()
    page.keyboard.press("+")
    eventually(lambda: span_s(page) == 43_200, "half a day is shown")
    expect(lane).to_be_focused()
    expect(lane).to_have_attribute("aria-valuetext", "2026-03-28 12:00:00, video")
    box = lane.bounding_box() or {}
    noon = box["x"] + box["width"] / 2
    page.mouse.move(noon, box["y"] + 10)
    page.mouse.wheel(0, -4000)
    eventually(lambda: span_s(page) < 600, "some minutes are shown")
    eventually(lambda: widest_bar(page) > 100, "the clip is a bar")
    begin = page.locator("[data-begin]").get_attribute("data-begin") or ""
    page.mouse.down()
    page.mouse.move(noon - 200, box["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator("[data-begin]")).not_to_have_attribute("data-begin", begin)
    assert (page.locator("[data-begin]").get_attribute("data-begin") or "") > begin
    page.reload()
    assert widest_bar(page) > 100
    page.get_by_role("link", name="Zoom in").click()
    eventually(lambda: span_s(page) == 60, "a minute is shown")
    expect(page.get_by_role("link", name="Zoom in")).to_have_attribute("aria-disabled", "true")
    page.get_by_text("As a table").click()
    page.get_by_role("link", name="Whole day").click()
    expect(page.get_by_role("table").get_by_role("link", name="2026-03-28 13:00:00").first).to_be_visible()
    lane.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/clips/*/?t=*")


def test_there_is_one_player_bar_and_its_slider_seeks(page: Page, clip: str) -> None:
    page.goto(f"/clips/{clip}/")
    wait_until_loaded(page)
    assert page.locator("video").evaluate("v => v.controls") is False
    expect(page.get_by_role("button", name="Full screen")).to_have_count(1)
    slider = page.get_by_role("slider", name="Position in the clip")
    slider.fill("30.05")
    wait_for_frame(page, 300)
    expect(slider).to_have_attribute("aria-valuetext", "0:30.0 of 1:00.0")
    slider.press("ArrowRight")
    wait_for_frame(page, 350)
    page.locator("video").click()
    expect(page.get_by_role("button", name="Pause")).to_have_count(1)


def test_posters_appear(page: Page, clip: str) -> None:
    page.goto("/clips/?day=2026-03-28")
    image = page.locator(f"#c-{clip} img")
    eventually(lambda: image.evaluate("img => img.complete && img.naturalWidth > 0"), "the poster is there")


@pytest.mark.parametrize("name", ["day", "clip", "delete"])
def test_a_page_is_accessible_in_each_theme_shows_only_red_in_the_red_one_and_fits_a_phone(
    name: str, page: Page, site: Site, clip: str, cut: str
) -> None:
    in_theme(page, site, "red")
    page.goto({"day": "/clips/?day=2026-03-28", "clip": f"/clips/{cut}/?t=3", "delete": f"/clips/{clip}/delete/"}[name])
    assert brightest_other_than_red(page, full_page=True) == 0
    assert violations_in_themes(page) == {}
    assert overflowing(page, 390) == []


def test_the_long_name_of_a_clip_that_was_deleted_fits_a_phone(page: Page, site: Site) -> None:
    path = f"clips/simulated/{'camera' * 10}_20260327_120000_000_{uuid.uuid4()}.mp4"
    clip = put_clip(site.station, STARTED - timedelta(days=1), content(10), 1, path=path)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/clips/{clip}/delete/")
    page.get_by_role("button", name="Delete 1 clip").click()
    expect(page.locator("main .banner.ok")).to_contain_text("Deleted: cameracamera")
    assert overflowing(page, 390) == []
