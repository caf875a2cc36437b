"""Rows that pages show, a broker without a camera host and, for browser tests, a real station."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.runs.plugin import PAGES
from tests.harness.runs.shared import SHARED_STATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from cameras.models import Camera
    from tests.harness.browsers.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A real station with two simulated cameras, one of them disabled, for all tests of pages. Each leaves it as it
    was, or with rows that no other test looks for."""
    from tests.harness.browsers.site import Site

    @contextmanager
    def running() -> Iterator[Site]:
        site = Site(tmp_path_factory.mktemp("pages"))
        try:
            yield site.up()
        finally:
            site.station.ensure_stopped()

    shared: Site = SHARED_STATIONS.get(PAGES, running)
    return shared


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A window of a signed-in manager. An error on its console fails the test."""
    from tests.harness.browsers.site import manager_window

    with manager_window(chromium, site) as page:
        yield page


@pytest.fixture
def stranger_page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A window of a user who is not signed in."""
    from tests.harness.browsers.site import DESKTOP, window

    with window(chromium, site, signed_in=False, viewport=DESKTOP) as page:
        yield page


@pytest.fixture
def plain_page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A window of a signed-in manager without JavaScript."""
    from tests.harness.browsers.site import plain_window

    with plain_window(chromium, site) as page:
        yield page


@pytest.fixture
def pictures(camera: Any, root: Any) -> Any:
    """Five hundred captures of the camera, each with a file and a temperature."""
    from tests.harness.rows.many import many_captures

    return many_captures(camera, root, 500)


@pytest.fixture(scope="session")
def html_validate() -> Path:
    from tests.harness.browsers.html_check import installed

    return installed()


CAN = {
    "exposure_us": {"unit": "µs", "minimum": 20, "maximum": 600_000_000, "step": 1},
    "gain": {"unit": "dB", "minimum": 1, "maximum": 16},
    "shot_noise": {"choices": [False, True]},
}


@pytest.fixture
def able(camera: Camera) -> Camera:
    """The camera, with settings that it is able to keep."""
    camera.capabilities = {"settings": CAN}
    camera.read_back = {"exposure_us": 11_996, "gain": 4.0}
    camera.settings = {"exposure_us": 12_000}
    camera.save()
    return camera
