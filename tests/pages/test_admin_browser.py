"""The archive admin in a real browser, on a real station: filter, choose, pin with a reason, verify, export."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import Site, in_theme
from tests.harness.rows.clips import content
from tests.harness.rows.station_rows import put_clip, remove_clips
from tests.harness.waiting import eventually

STARTED = datetime(2025, 3, 28, 12, 0, tzinfo=UTC)
CLIPS = "/admin/captures/clip/"
LENGTH_S = 4.0


@pytest.fixture
def three(site: Site) -> Iterator[list[str]]:
    """The ids of three manual clips of a day in 2025, which leave the station with the test."""
    found = [
        put_clip(site.station, STARTED + timedelta(minutes=number), content(40, number), LENGTH_S, kind="manual")
        for number in range(3)
    ]
    yield found
    remove_clips(site.station, *found)


def choose(page: Page, action: str) -> None:
    page.get_by_label("Action", exact=True).select_option(action)
    page.get_by_role("button", name="Continue").click()


def test_clips_are_filtered_chosen_and_pinned_with_a_reason(page: Page, site: Site, three: list[str]) -> None:
    page.goto("/")
    page.locator(".side summary", has_text="Storage").click()
    page.get_by_role("link", name="Archive admin").first.click()
    page.get_by_role("link", name="Clips", exact=True).click()
    page.get_by_role("navigation", name="Filters").get_by_role("link", name="manual").click()
    expect(page.locator("#total")).to_have_text("3 clips")
    page.locator("#action-toggle").check()
    choose(page, "pin")
    expect(page.locator("#plan-count")).to_contain_text("Pin: 3 clips")
    page.get_by_label("Reason").fill("For the paper")
    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_text("3 clips pinned.")).to_be_visible()
    page.goto(f"{CLIPS}{three[0]}/")
    expect(page.get_by_text("pinned the clip").first).to_contain_text("For the paper")


def test_an_export_is_planned_confirmed_downloaded_and_whole(page: Page, three: list[str], tmp_path: Path) -> None:
    page.goto(f"{CLIPS}?kind=manual")
    page.get_by_label("that match the filter").check()
    choose(page, "export")
    expect(page.locator("#plan-count")).to_contain_text("Export: 3 clips")
    page.get_by_label("Type the number").fill("3")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "export.zip"
    download.value.save_as(file)
    subprocess.run(["unzip", "-tq", str(file)], check=True)
    subprocess.run(["unzip", "-q", str(file), "-d", str(tmp_path / "out")], check=True)
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    assert len(list((tmp_path / "out").rglob("*.mp4"))) == 3


def test_files_are_verified_by_a_job_with_progress(page: Page, three: list[str]) -> None:
    page.goto(f"{CLIPS}?kind=manual")
    page.get_by_label("that match the filter").check()
    choose(page, "verify")
    page.get_by_label("Type the number").fill("2")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("main").get_by_role("alert")).to_contain_text("Type the number of rows to confirm: 3.")
    page.get_by_label("Type the number").fill("3")
    page.get_by_role("button", name="Verify").click()
    expect(page).to_have_url(re.compile(r"/jobs/\?kind=admin_action"))
    expect(page.locator("#jobs")).to_contain_text("3 rows verified, 0 with an error")


def test_a_clip_plays_on_its_page(page: Page, three: list[str]) -> None:
    page.goto(f"{CLIPS}{three[0]}/")
    eventually(lambda: page.locator("video").evaluate("v => v.readyState >= 2"), "the clip is loaded")


def test_lists_details_and_plans_suit_everyone(page: Page, site: Site, three: list[str]) -> None:
    in_theme(page, site, "red")
    page.goto(f"{CLIPS}{three[0]}/")
    assert overflowing(page, 320, 390, 2560, 1440) == []
    assert violations_in_themes(page) == {}
    page.goto(f"{CLIPS}?kind=manual")
    page.get_by_label("that match the filter").check()
    choose(page, "verify")
    assert overflowing(page, 320, 1440) == []
    assert violations_in_themes(page) == {}
    assert brightest_other_than_red(page, full_page=True) == 0
