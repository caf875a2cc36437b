"""The choices of all forms in a real browser: a select shows each of them whole, on the narrowest phone too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from monitoring.sensors.driver import SENSORS
from tests.harness.browsers.inspection import cut_choices
from tests.harness.browsers.site import PAGES, Site, manager_window

SENSOR_FORMS = [f"/sensors/add/?kind={kind}" for kind in SENSORS]
"""The settings of some kinds are choices."""


@pytest.fixture(scope="module")
def shared_page(chromium: Browser, site: Site) -> Iterator[Page]:
    """One window for all visits."""
    with manager_window(chromium, site) as page:
        yield page


@pytest.mark.parametrize("address", dict.fromkeys([*PAGES, *SENSOR_FORMS]))
def test_no_choice_of_a_form_is_cut(address: str, shared_page: Page) -> None:
    shared_page.goto(address)
    assert cut_choices(shared_page, 320, 390, 1280) == {}
