"""Pictures in the red theme, in a real browser: the brightness of every colour is visible, and only red is shown."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.harness.browsers.site import Site, in_theme
from tests.harness.rows.clips import ENCODER, FRAGMENTS
from tests.harness.rows.station_rows import put_clip
from tests.harness.waiting import eventually

COLOURS = {
    "white": (255, 255, 255), "yellow": (255, 255, 0), "cyan": (0, 255, 255), "green": (0, 255, 0),
    "magenta": (255, 0, 255), "red": (255, 0, 0), "blue": (0, 0, 255), "black": (0, 0, 0),
}  # fmt: skip
"""Ordered by luma, the brightest first."""
BAR, HIGH = 40, 240
CAP = 0.63 * 255
"""The maximum red value of a picture's pixels."""
STEP = 10
"""The least difference between neighbouring bars, of 255."""
DRAWN = """async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { id: "bars", width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    const well = document.createElement("div");
    well.className = "well";
    well.style.height = "240px";
    well.append(canvas);
    document.querySelector("main").prepend(well);
}"""
"""In a place of its own: an update of the page would remove what is not in the answer of the station."""


def bars() -> Any:
    """(height, width, 3): a bar of each colour, the brightest first."""
    return np.repeat(np.array([list(COLOURS.values())], np.uint8), BAR, axis=1).repeat(HIGH, axis=0)


def as_png() -> bytes:
    target = io.BytesIO()
    Image.fromarray(bars()).save(target, "PNG")
    return target.getvalue()


def as_clip() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bars.mp4")
        with av.open(str(path), "w", format="mp4", options=FRAGMENTS) as container:
            stream = container.add_stream("libx264", rate=10, options=ENCODER)
            stream.width, stream.height, stream.pix_fmt = BAR * len(COLOURS), HIGH, "yuv420p"
            for _ in range(20):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(bars(), format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def send_bars(route: Route) -> None:
    route.fulfill(body=as_png(), content_type="image/png")


@pytest.fixture
def red_page(page: Page, site: Site) -> Iterator[Page]:
    """A window in the red theme whose captures all show the bars."""
    in_theme(page, site, "red")
    page.route("**/thumbnail/**", send_bars)
    yield page
    page.unroute_all(behavior="ignoreErrors")


def in_a_tile(page: Page, site: Site) -> Locator:
    page.goto("/gallery/")
    return page.locator("#tiles .th img").first


def at_full_size(page: Page, site: Site) -> Locator:
    """The picture at full size, opened from a loaded thumbnail, which gives its shape. Not the placeholder, which
    stays for a second."""
    tile = in_a_tile(page, site)
    eventually(lambda: tile.evaluate("image => image.naturalWidth > 0"), "the thumbnail is loaded")
    tile.click()
    return page.locator(".pswp__item[aria-hidden=false] .pswp__img:not(.pswp__img--placeholder)")


def on_a_live_canvas(page: Page, site: Site) -> Locator:
    page.goto("/cameras/simulated/")
    captured = page.locator("#session-strip img, .strip img").first.get_attribute("src")
    page.evaluate(DRAWN, captured)
    return page.locator("#bars")


def in_a_clip(page: Page, site: Site) -> Locator:
    clip = put_clip(site.station, datetime(2026, 3, 20, 12, tzinfo=UTC), as_clip(), 2, frames=20)
    page.goto(f"/clips/{clip}/")
    video = page.locator("#player video")
    eventually(lambda: video.evaluate("v => v.readyState >= 2"), "the clip is loaded")
    # A busy browser may leave out the first frame of a video that does not play.
    video.evaluate("v => new Promise((shown) => { v.requestVideoFrameCallback(shown); v.currentTime = 0.5; })")
    return video


def shown(picture: Locator) -> Any:
    """The screen colours in the middle of each bar, as (colours, 3)."""
    pixels = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("RGB"))
    height, width = pixels.shape[:2]
    [wide, high] = [min(width, height * BAR * len(COLOURS) // HIGH), min(height, width * HIGH // (BAR * len(COLOURS)))]
    left, middle = (width - wide) / 2, (height - high) // 2 + high // 2
    places = [int(left + wide * (place + 0.5) / len(COLOURS)) for place in range(len(COLOURS))]
    return pixels[middle, places].astype(int)


def settled(picture: Locator) -> Any:
    """As `shown`, as soon as the picture is drawn and changes no more."""

    def found() -> Any:
        first, second = shown(picture), shown(picture)
        return [second] if first[0, 0] > CAP / 2 and (first == second).all() else None

    return eventually(found, "the picture is drawn")[0]


@pytest.mark.parametrize("place", [in_a_tile, at_full_size, on_a_live_canvas, in_a_clip])
def test_every_colour_is_seen_by_its_brightness_and_only_in_red(
    place: Callable[[Page, Site], Locator], red_page: Page, site: Site
) -> None:
    picture = place(red_page, site)
    expect(picture).to_be_visible()
    seen = settled(picture)
    assert seen[:, 1:].max() == 0
    assert (seen[:-1, 0] - seen[1:, 0]).min() >= STEP, dict(zip(COLOURS, seen[:, 0].tolist(), strict=True))
    assert seen[:, 0].max() <= CAP


def test_pictures_are_dimmed_by_shortcuts_and_show_true_colours_while_held(red_page: Page, site: Site) -> None:
    picture = in_a_tile(red_page, site)
    before = settled(picture)[0, 0]
    red_page.keyboard.type("ddddd")
    expect(red_page.get_by_role("slider", name="Picture brightness")).to_have_attribute("aria-valuetext", "50 %")
    red_page.reload()
    eventually(lambda: 0.4 * before < shown(picture)[0, 0] < 0.6 * before, "it is half as bright, after a reload too")
    red_page.keyboard.down("v")
    eventually(lambda: shown(picture)[3].tolist() == list(COLOURS["green"]), "it shows true colours")
    red_page.keyboard.up("v")
    red_page.get_by_role("slider", name="Picture brightness").press("End")
    eventually(lambda: shown(picture)[0].tolist() == [before, 0, 0], "it is as bright as before")
