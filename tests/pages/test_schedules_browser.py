"""The form of a schedule in a real browser: its preview follows what is written."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, expect

from tests.harness.browsers.clocks import pause_clock
from tests.harness.browsers.inspection import overflowing, violations_in_themes
from tests.harness.browsers.site import Site
from tests.harness.rows.station_rows import stored
from tests.harness.waiting import eventually

ADD = "/schedules/add/"
NOT_OVER = "SELECT id FROM scheduler_plannedrun WHERE ends_at > ?"


@pytest.fixture
def form(page: Page) -> Page:
    page.goto(ADD)
    page.get_by_label("Name").fill("Browser")
    page.get_by_role("checkbox", name="Simulated camera").check()
    page.locator("summary", has_text="When").click()
    return page


@pytest.fixture(autouse=True)
def no_schedule(site: Site) -> Iterator[None]:
    """A run that has begun, or is about to, stays when its schedule is removed: its session is stopped. Other tests
    need the camera."""
    yield
    for left in site.api.ask("GET", "schedules/")["results"]:
        site.api.ask("DELETE", f"schedules/{left['id']}/")
    for (run,) in site.station.database.rows(NOT_OVER, stored(timezone.now())):
        stop_run(site, f"sessions/{UUID(run)}/")


def stop_run(site: Site, session: str) -> None:
    eventually(lambda: site.api.call("GET", session).status == 200, "the run begins")
    site.api.call("POST", "cameras/simulated/stop/")
    eventually(lambda: site.api.ask("GET", session)["state"] == "stopped", "its session is stopped")


def test_the_preview_follows_the_form(form: Page) -> None:
    form.get_by_label("When").select_option("clock")
    form.get_by_label("From", exact=True).fill("20:00")
    form.get_by_label("To", exact=True).fill("21:00")
    expect(form.locator("#preview")).to_contain_text("20:00 to 21:00, about")
    form.get_by_label("To", exact=True).fill("25:00")
    expect(form.locator("#preview")).to_contain_text("To: Write a time such as 05:00.")


def test_what_is_typed_quickly_is_one_request(page: Page) -> None:
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if request.url.endswith("/preview/") else None)
    page.clock.install()
    page.goto(ADD)
    page.get_by_label("Name").fill("Browser")
    page.get_by_role("checkbox", name="Simulated camera").check()
    page.locator("summary", has_text="When").click()
    pause_clock(page)
    begun = len(requests)
    page.get_by_label("When").select_option("clock")
    page.get_by_label("To", exact=True).fill("21:00")
    page.get_by_label("From", exact=True).press_sequentially("20:00")
    page.clock.resume()
    expect(page.locator("#preview")).to_contain_text("20:00 to 21:00, about")
    assert len(requests) == begun + 1


def test_only_the_fields_of_the_chosen_window_are_shown(form: Page) -> None:
    expect(form.get_by_label("Sun below")).to_be_visible()
    expect(form.get_by_label("Degrees")).to_be_hidden()
    form.get_by_label("Sun below").select_option("degrees")
    expect(form.get_by_label("Degrees")).to_be_visible()
    form.get_by_label("When").select_option("clock")
    expect(form.get_by_label("Sun below")).to_be_hidden()
    expect(form.get_by_label("From", exact=True)).to_be_visible()


def test_a_schedule_is_added_skipped_and_removed(form: Page) -> None:
    form.get_by_label("When").select_option("clock")
    form.get_by_label("From", exact=True).fill("20:00")
    form.get_by_label("To", exact=True).fill("21:00")
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".banner.ok")).to_contain_text("Browser was added.")
    form.get_by_role("button", name="Skip next night").click()
    expect(form.locator(".banner.ok")).to_contain_text("is skipped")
    form.get_by_role("link", name="Remove").click()
    form.get_by_role("button", name="Remove Browser").click()
    expect(form.locator(".banner.ok")).to_contain_text("Browser was removed")


def test_a_schedule_is_added_without_scripts(plain_page: Page) -> None:
    plain_page.goto(ADD)
    plain_page.get_by_label("Name").fill("Plain")
    plain_page.get_by_role("checkbox", name="Simulated camera").check()
    plain_page.locator("summary", has_text="When").click()
    plain_page.get_by_label("When").select_option("clock")
    plain_page.get_by_label("From", exact=True).fill("20:00")
    plain_page.get_by_label("To", exact=True).fill("21:00")
    plain_page.get_by_role("button", name="Preview").click()
    expect(plain_page.locator("#preview")).to_contain_text("20:00 to 21:00, about")
    plain_page.get_by_role("button", name="Save").click()
    expect(plain_page.locator("main .banner.ok")).to_contain_text("Plain was added.")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_form_is_accessible_in_each_theme_and_fits(width: int, form: Page) -> None:
    form.set_viewport_size({"width": width, "height": 900})
    form.get_by_label("Exposure", exact=True).fill("2")
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".hint.bad")).to_have_count(1)
    assert violations_in_themes(form) == {}
    assert overflowing(form, width) == []


def test_a_template_fills_the_form(page: Page) -> None:
    page.goto(ADD)
    page.get_by_role("navigation", name="Templates").get_by_role("link", name="Day and night").click()
    expect(page.locator("summary", has_text="When")).to_have_text("When: from 12:00 to 12:00")
    page.get_by_label("Name").fill("All day")
    page.get_by_role("checkbox", name="Simulated camera").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".banner.ok")).to_contain_text("All day was added.")
