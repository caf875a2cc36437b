"""Archives in a real browser, on a real station: from the list to a clip that plays and a ZIP file that is whole."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.archived_run import archived_run, clip_of, files_of, on_disk
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import Site, in_theme
from tests.harness.waiting import eventually

LOADED = "v => v.readyState >= 2"


@pytest.fixture(scope="module")
def archive(site: Site) -> Any:
    """The archive of a run whose source clip is deleted."""
    found = archived_run(site, "Growth of \N{GREEK SMALL LETTER ALPHA}-quartz")
    site.api.ask("DELETE", f"clips/{clip_of(site, found)['clip']}/")
    return found


@pytest.fixture
def opened(page: Page, archive: Any) -> Page:
    """The page of the archive, reached from the list."""
    page.goto("/archives/")
    page.get_by_role("link", name=archive["name"]).click()
    expect(page.locator("h1")).to_have_text(archive["name"])
    return page


def test_a_clip_is_played_from_the_archive_after_its_source_was_deleted(opened: Page) -> None:
    opened.get_by_role("link", name="Play").first.click()
    eventually(lambda: opened.locator("video").evaluate(LOADED), "the clip is loaded")
    assert "/api/v1/archives/" in opened.locator("video").evaluate("v => v.currentSrc")
    opened.locator("[data-do=play]").click()
    eventually(lambda: opened.locator("video").evaluate("v => v.currentTime > 0.2"), "the clip plays")
    expect(opened.locator(".kv")).to_contain_text("deleted: this is the archive's copy")
    expect(opened.locator("[data-failed]")).to_be_hidden()


def test_a_picture_is_looked_at(opened: Page) -> None:
    opened.get_by_role("group", name="Kinds of files").get_by_role("link", name="Pictures").click()
    opened.get_by_role("link", name="Look").first.click()
    shown = "i => i.complete && i.naturalWidth > 0"
    eventually(lambda: opened.locator("#stage img").evaluate(shown), "the picture is shown")


def test_one_file_is_downloaded(opened: Page, site: Site, archive: Any, tmp_path: Path) -> None:
    row = opened.locator("#files tbody tr").filter(has_text=".mp4").first
    with opened.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "clip.mp4")
    digest = hashlib.sha256((tmp_path / "clip.mp4").read_bytes()).hexdigest()
    assert row.locator(f'code[title="{digest}"]').count() == 1


def test_all_files_are_downloaded_and_whole(opened: Page, site: Site, archive: Any, tmp_path: Path) -> None:
    with opened.expect_download() as download:
        opened.get_by_role("link", name="Download all").click()
    assert re.fullmatch(r"skycam_growth-of-quartz_\d{8}_\d{6}\.zip", download.value.suggested_filename)
    download.value.save_as(tmp_path / "all.zip")
    subprocess.run(["unzip", "-q", str(tmp_path / "all.zip"), "-d", str(tmp_path / "out")], check=True)
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    own = {"README.txt", "SHA256SUMS", "manifest.json"}
    assert names == own | {file["path"] for file in files_of(site, archive)}
    opened.reload()
    expect(opened.locator(".archive-custody")).to_contain_text("admin began a download")


def test_a_missing_file_is_named_in_the_zip_file(opened: Page, site: Site, archive: Any, tmp_path: Path) -> None:
    file = on_disk(site, archive, clip_of(site, archive))
    file.rename(tmp_path / "away")
    try:
        with opened.expect_download() as download:
            opened.get_by_role("link", name="Download all").click()
        download.value.save_as(tmp_path / "all.zip")
    finally:
        (tmp_path / "away").rename(file)
    listed = subprocess.run(["unzip", "-p", str(tmp_path / "all.zip"), "ERRORS.txt"], capture_output=True, check=True)
    assert file.name in listed.stdout.decode()


def test_files_are_filtered_in_the_address(opened: Page) -> None:
    opened.get_by_label("State").select_option("missing")
    opened.locator("#files").get_by_role("button", name="Show").click()
    expect(opened.locator("#files .empty")).to_contain_text("No files match these filters.")
    opened.locator("#files .empty a").click()
    expect(opened.locator("#files tbody tr").first).to_be_visible()


def test_the_page_of_the_experiment_leads_to_its_archive(page: Page, archive: Any) -> None:
    page.goto(f"/experiments/{archive['experiment']}/")
    page.locator("#experiment-archive").get_by_role("link", name="Browse").click()
    expect(page).to_have_url(re.compile(rf"/archives/{archive['id']}/"))


def test_an_archive_is_verified_from_its_page(opened: Page, archive: Any) -> None:
    opened.get_by_role("button", name="Verify").click()
    expect(opened.locator("#said-experiment")).to_contain_text("is being verified")
    expect(opened.locator("#archive-findings")).to_contain_text(": whole")


def test_shortcuts_lead_to_the_list(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/archives/")


def test_the_pages_suit_everyone(opened: Page, site: Site) -> None:
    in_theme(opened, site, "red")
    opened.reload()
    assert overflowing(opened, 320, 390, 2560, 1440) == []
    assert violations_in_themes(opened) == {}
    assert brightest_other_than_red(opened, full_page=True) == 0
    opened.goto("/archives/")
    assert overflowing(opened, 320, 390, 1440) == []
    assert violations_in_themes(opened) == {}


def test_the_page_of_a_file_suits_everyone(opened: Page, site: Site) -> None:
    in_theme(opened, site, "red")
    opened.get_by_role("link", name="Play").first.click()
    eventually(lambda: opened.locator("video").evaluate(LOADED), "the clip is loaded")
    assert overflowing(opened, 320, 390, 1440) == []
    assert violations_in_themes(opened) == {}
    assert brightest_other_than_red(opened, full_page=True) == 0


@pytest.fixture
def long_name(site: Site, archive: Any) -> Iterator[str]:
    """The name of the archived experiment, which no one can change any more."""
    rename = "UPDATE captures_experiment SET name = ? WHERE name = ?"
    name = "\N{MICROSCOPE}<b>" + "W" * 280
    site.station.database.execute(rename, name, archive["name"])
    yield name
    site.station.database.execute(rename, archive["name"], name)


def test_a_name_of_300_characters_fits_in_the_admin(page: Page, long_name: str) -> None:
    page.goto("/admin/captures/experiment/")
    page.set_viewport_size({"width": 320, "height": 844})
    name = page.locator("#rows tbody th a").first
    assert name.evaluate("a => a.getBoundingClientRect().right") <= 320
    page.get_by_label("that match the filter").check()
    page.get_by_label("Action", exact=True).select_option("verify")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#plan-count")).to_be_visible()
    assert overflowing(page, 320, 390) == []


def test_a_name_of_300_characters_fits(page: Page, archive: Any, long_name: str) -> None:
    page.goto(f"/archives/{archive['id']}/")
    assert overflowing(page, 390, 1440) == []
    page.goto("/archives/")
    assert overflowing(page, 390, 1440) == []
