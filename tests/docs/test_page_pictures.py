"""The screenshots of the documents: the pages of a working station, in each theme and on a phone."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings
from cameras.drivers.simulated.scenes.sky import SkyScene
from tests.harness.browsers.site import Site, in_theme, window
from tests.harness.project import PROJECT
from tests.harness.waiting import eventually

PICTURES = PROJECT / "docs" / "pictures"
DESK = {"width": 1600, "height": 1000}
"""Wide enough for four cards side by side."""
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
COLOURS = 256
"""Colours of a screenshot's palette: a third of the file size, without a visible difference."""
LIVE = ("microscope", "bench")
ALL_DRAWN = """() => [...document.querySelectorAll(".th img")]
    .filter((image) => image.getBoundingClientRect().top < innerHeight)
    .every((image) => image.complete && image.naturalWidth) && document.fonts.status === 'loaded'"""
"""Every visible thumbnail and all fonts are loaded."""


@dataclass(frozen=True)
class Shot:
    name: str
    address: str
    theme: str
    size: dict[str, int]
    live: tuple[str, ...] = ()
    """Cards that must show a live picture; those of a session show its captures."""


SHOTS = [
    Shot("dashboard-light", "/", "light", DESK, LIVE),
    Shot("dashboard-dark", "/", "dark", DESK, LIVE),
    Shot("dashboard-red", "/", "red", DESK, LIVE),
    Shot("dashboard-wide", "/", "dark", {"width": 2560, "height": 1300}, LIVE),
    Shot("dashboard-phone", "/", "dark", PHONE),
    Shot("camera", "/cameras/microscope/", "light", WIDE),
    Shot("gallery", "/gallery/", "dark", WIDE),
    Shot("recordings", "/clips/", "light", WIDE),
    Shot("session", "/sessions/", "dark", WIDE),
    Shot("status", "/status/", "light", WIDE),
]
CAMERAS = [
    {"slug": "dslr", "kind": "gphoto2", "name": "DSLR"},
    {"slug": "microscope", "kind": "simulated", "name": "Microscope", "address": "microscope"},
    {"slug": "bench", "kind": "simulated", "name": "Lab bench", "address": "bench"},
]
SETTINGS = {
    "simulated": {"temperature_celsius": 11.5},
    "microscope": {"scene": "microscope", "temperature_celsius": 24.0},
    "bench": {"scene": "bench", "temperature_celsius": 21.0},
}
SESSIONS: dict[str, dict[str, Any]] = {
    "dslr": {"exposure_us": 1_000_000, "f_number": 2.8, "cadence_s": 3, "count": 600, "name": "Perseids"},
    "simulated": {"exposure_us": 500_000, "cadence_s": 2, "count": 900, "name": "All night"},
}


def night_sky(path: Path) -> None:
    """Write the picture of the virtual DSLR: a part of the sky, large enough for a thumbnail."""
    image = SkyScene(SceneSettings(2000, 2000)).render(1, ExposureSettings(60_000), time.time_ns(), 40.0)
    Image.fromarray(image[420:1420, 250:1750].copy()).save(path, quality=90)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("picture")
    (folder / "jpegs").mkdir()
    night_sky(folder / "jpegs" / "sky.jpg")
    site = Site(folder, VCAMERADIR=str(folder / "jpegs"), SKYCAM_STATION="roof", SKYCAM_STATION__NAME="Roof")
    try:
        yield add_cameras(site)
    finally:
        site.station.ensure_stopped()


def add_cameras(site: Site) -> Site:
    """A station with four cameras: two in the middle of a session, two that record."""
    site.station.up()
    site.api.ask("PATCH", "cameras/simulated/", {"name": "All-sky"})
    for camera in CAMERAS:
        site.api.ask("POST", "cameras/", camera)
    site.api.ask("POST", "cameras/dslr/connect/", {})
    eventually(
        lambda: {site.station.cameras.observed(slug) for slug in (*SETTINGS, "dslr")} == {"ready"}, "all are ready"
    )
    for slug, values in SETTINGS.items():
        site.api.ask("PATCH", f"cameras/{slug}/settings/", values)
    for _ in range(3):
        site.api.ask("POST", "cameras/microscope/capture/", {})
        site.api.ask("POST", "cameras/bench/capture/", {})
    for slug in ("microscope", "bench"):
        site.api.ask("POST", f"cameras/{slug}/record/", {})
    for slug, programme in SESSIONS.items():
        site.api.ask("POST", f"cameras/{slug}/start/", programme)
    eventually(lambda: saved(site) >= 24, "24 captures")
    site.api.ask("POST", "cameras/bench/stop-recording/", {})
    eventually(lambda: site.api.ask("GET", "clips/")["results"], "a clip")
    return site


def saved(site: Site) -> int:
    return sum(one["saved"] for one in site.api.ask("GET", "sessions/")["results"])


@pytest.mark.prove
@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_page_is_photographed(shot: Shot, site: Site, chromium: Browser) -> None:
    with window(chromium, site, viewport=shot.size) as page:
        in_theme(page, site, shot.theme)
        page.goto(shot.address)
        opened_first_row(page, shot)
        for slug in shot.live:
            expect(page.locator(f"#cam-{slug} .live")).to_have_attribute("data-state", "live")
        expect(page.locator("h1")).to_be_visible()
        page.wait_for_function(ALL_DRAWN)
        with Image.open(io.BytesIO(page.screenshot())) as picture:
            picture.convert("RGB").quantize(COLOURS, kmeans=2).save(PICTURES / f"{shot.name}.png", optimize=True)


def opened_first_row(page: Page, shot: Shot) -> None:
    """Open the page of the newest session."""
    links = page.locator("main a[href^='/sessions/']")
    if shot.name == "session" and links.count():
        links.first.click()


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_every_page_has_a_screenshot(shot: Shot) -> None:
    with Image.open(PICTURES / f"{shot.name}.png") as image:
        assert image.size == (shot.size["width"], shot.size["height"])
