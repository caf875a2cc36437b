"""The picture of the README: the dashboard of a station at work, in each theme."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from cameras.drivers.simulated.scene import Scene
from tests.docs.pages import PROJECT
from tests.pages.browsing import ARGUMENTS, CHROMIUM, Site
from tests.skycam_project.stations import eventually

PICTURES = PROJECT / "docs" / "pictures"
THEMES = ("light", "dark", "red")
WIDE = {"width": 1440, "height": 900}
SKY = {"exposure_us": 20_000, "sky_level": 1500.0, "contrast_decades": 1.6, "temperature_celsius": 11.5}
DUSK = {"exposure_us": 20_000, "sky_level": 4500.0, "contrast_decades": 1.2, "temperature_celsius": 14.0}
CAMERAS = ("simulated", "dslr", "webcam")
DOME = {"slug": "webcam", "kind": "simulated", "name": "Dome", "address": "dome"}


def night_sky(path: Path) -> None:
    """What the DSLR's virtual camera gives, large enough for a thumbnail."""
    image = Scene(1920, 1280, 900.0, 1.8, shot_noise=False).render(1, 30_000, 1.0, time.time_ns(), 40.0)
    Image.fromarray(np.ascontiguousarray(image[200:])).save(path, quality=90)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("picture")
    (folder / "jpegs").mkdir()
    night_sky(folder / "jpegs" / "sky.jpg")
    site = Site(folder, VCAMERADIR=str(folder / "jpegs"), SKYCAM_STATION="roof")
    try:
        yield furnished(site)
    finally:
        site.station.ensure_stopped()


def furnished(site: Site) -> Site:
    """Three cameras: one of them records, two are in the middle of a session."""
    site.start()
    site.ask("PATCH", "cameras/simulated/", {"name": "All-sky"})
    site.ask("POST", "cameras/", {"slug": "dslr", "kind": "gphoto2", "name": "DSLR"})
    site.ask("POST", "cameras/", DOME)
    site.ask("POST", "cameras/dslr/connect/", {})
    eventually(
        lambda: {site.observed(slug) for slug in ("simulated", "dslr", "webcam")} == {"ready"}, 30, "all are ready"
    )
    site.ask("PATCH", "cameras/simulated/settings/", SKY)
    site.ask("PATCH", "cameras/webcam/settings/", DUSK)
    for slug, programme in SESSIONS.items():
        site.ask("POST", f"cameras/{slug}/start/", programme)
    site.ask("POST", "cameras/webcam/record/", {})
    eventually(lambda: saved(site) >= 24, 90, "24 captures")
    return site


SESSIONS: dict[str, dict[str, Any]] = {
    "dslr": {"exposure_us": 1_000_000, "f_number": 2.8, "cadence_s": 3, "count": 600, "name": "Perseids"},
    "simulated": {"exposure_us": 20_000, "cadence_s": 2, "count": 900, "name": "All night"},
}


def saved(site: Site) -> int:
    return sum(one["saved"] for one in site.ask("GET", "sessions/")["results"])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.mark.prove
@pytest.mark.parametrize("theme", THEMES)
def test_the_dashboard_is_photographed(theme: str, site: Site, chromium: Browser) -> None:
    context = chromium.new_context(viewport=WIDE, base_url=site.url)
    context.add_cookies([*site.cookies(), {"name": "theme", "value": theme, "url": site.url}])
    page = context.new_page()
    page.goto("/")
    for slug in ("simulated", "webcam"):
        expect(page.locator(f"#cam-{slug} .live")).to_have_attribute("data-state", "live", timeout=20_000)
    expect(page.locator("#recent img").first).to_be_visible()
    page.wait_for_timeout(3000)
    page.screenshot(path=PICTURES / f"dashboard-{theme}.png")
    context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_there_is_a_picture_of_each_theme(theme: str) -> None:
    with Image.open(PICTURES / f"dashboard-{theme}.png") as image:
        assert image.size == (WIDE["width"], WIDE["height"])
