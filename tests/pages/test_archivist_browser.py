"""The work of an archivist in the archive admin, in a real browser on a real station: clips are cleaned up, and a file
of an archive that has changed is found and mended from its off-site copy, or is an alert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.browsers.archived_run import archived_run, clip_of, files_of, flip_a_bit, on_disk
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import Site, in_theme, manager_window
from tests.harness.rows.clips import content
from tests.harness.rows.station_rows import put_clip, stored
from tests.harness.waiting import eventually

SOON_MS = 60_000
SOON_S = 90
OLD = datetime(2025, 3, 28, 12, 0, tzinfo=UTC)
"""Of clips that are older than the rule of age allows."""
ARCHIVES = "/admin/captures/archive/"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Its rolling clips are deleted when they are a month old."""
    found = Site(tmp_path_factory.mktemp("archivist"), RETENTION__ROLLING_CLIP_DAYS="30")
    try:
        yield found.up()
    finally:
        found.station.ensure_stopped()


@pytest.fixture
def archivist(chromium: Browser, station: Site) -> Iterator[Page]:
    """A window of a signed-in manager. An error on its console fails the test."""
    with manager_window(chromium, station) as page:
        yield page


@pytest.fixture(scope="module")
def second_disk(station: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a destination that gets a copy of each file of an archive."""
    folder = tmp_path_factory.mktemp("second-disk")
    wanted = {"name": "Second disk", "kind": "folder", "settings": {"path": str(folder)}, "classes": ["archive"]}
    made = station.api.ask("POST", "offsite/destinations/", wanted)
    station.api.ask("POST", f"offsite/destinations/{made['id']}/test/", {})
    return folder


@pytest.fixture(scope="module")
def archive(station: Site, second_disk: Path) -> Any:
    """The archive of a run whose source clip is deleted: only the off-site copies of its files are whole besides it."""
    found = archived_run(station, "Dew on mirror 3")
    count = len(files_of(station, found))
    eventually(lambda: len(copied_files(station)) >= count, "the files of the archive are copied")
    station.api.ask("DELETE", f"clips/{clip_of(station, found)['clip']}/")
    return found


def saved(station: Site, minute: int, **fields: Any) -> str:
    """The id of an old clip."""
    return put_clip(station.station, OLD + timedelta(minutes=minute), content(40, minute), 4.0, **fields)


def present(station: Site) -> set[str]:
    return {clip["id"] for clip in station.api.ask("GET", "clips/?to=2026-01-01T00:00:00Z")["results"]}


def held_clip(station: Site, minute: int) -> str:
    """The id of an old clip that an experiment holds from the beginning: the station deletes others by itself."""
    young = put_clip(station.station, datetime.now(UTC), content(40, minute), 4.0)
    hold(station, young)
    begin, end = (stored(OLD + timedelta(minutes=minute, seconds=at)) for at in (0, 4))
    change = "UPDATE captures_clip SET started_at = ?, ended_at = ? WHERE id = ?"
    station.station.database.execute(change, begin, end, young.replace("-", ""))
    return young


def release(station: Site, clip: str) -> None:
    station.station.database.execute("DELETE FROM captures_cliphold WHERE clip_id = ?", clip.replace("-", ""))


def hold(station: Site, clip: str) -> None:
    row = {"clip_id": clip.replace("-", ""), "by": "experiment", "name": "dew", "since": stored(OLD)}
    station.station.database.insert("captures_cliphold", row)


def choose(page: Page, action: str) -> None:
    page.get_by_label("Action", exact=True).select_option(action)
    page.get_by_role("button", name="Continue").click()


def pin_in_the_admin(page: Page, clip: str) -> None:
    page.goto(f"/admin/captures/clip/{clip}/")
    choose(page, "pin")
    page.get_by_label("Reason").fill("For the paper")
    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_text("1 clip pinned.")).to_be_visible(timeout=SOON_MS)


def plan_a_cleanup(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="Clean up").click()
    page.get_by_role("button", name="Show what would be deleted").click()


def confirm_a_cleanup(page: Page, number: str) -> None:
    page.get_by_label("Type the number").fill(number)
    page.get_by_role("button", name="Delete 2 files").click()


def verify_in_the_admin(page: Page, station: Site, archive: Any) -> None:
    """Until the archive is read again."""
    before = verifications(station)
    page.goto(ARCHIVES)
    page.get_by_role("link", name=archive["name"]).click()
    choose(page, "verify")
    page.get_by_label("Type the number").fill("1")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#jobs")).to_contain_text("1 row verified, 0 with an error", timeout=SOON_MS)
    eventually(lambda: verifications(station) > before, "the archive is verified")


def verifications(station: Site) -> int:
    """The jobs that are done."""
    return len(station.api.ask("GET", "jobs/?kind=verify_archive&state=done")["results"])


def open_alerts(station: Site) -> list[str]:
    """The keys of those about archives."""
    found = station.api.ask("GET", "alerts/?state=open")["results"]
    return [alert["key"] for alert in found if alert["key"].startswith("archive.")]


def copied_files(station: Site) -> set[str]:
    """The files with a verified off-site copy."""
    return {copy["file"] for copy in station.api.ask("GET", "offsite/copies/?state=verified&limit=200")["results"]}


def wait_for_the_rule_of_age(station: Site) -> None:
    """Until just after the station has applied it by itself: it does so again a minute later."""
    decoy = saved(station, 59)
    eventually(lambda: decoy not in present(station), "the station deletes an old clip by itself")


def test_a_cleanup_is_planned_confirmed_and_leaves_what_is_pinned_or_held(archivist: Page, station: Site) -> None:
    pinned, held = held_clip(station, 0), held_clip(station, 1)
    pin_in_the_admin(archivist, pinned)
    release(station, pinned)
    archivist.goto("/admin/")
    wait_for_the_rule_of_age(station)
    old = [saved(station, minute) for minute in (2, 3)]
    plan_a_cleanup(archivist)
    expect(archivist.locator("#plan-count")).to_contain_text("Clean up: 2 files")
    left_out = archivist.get_by_role("list", name="Left out", exact=True)
    expect(left_out).to_contain_text("1 left out: kept by experiment dew")
    expect(left_out).to_contain_text("1 left out: kept by a pin")
    assert present(station) == {pinned, held, *old}
    confirm_a_cleanup(archivist, "3")
    expect(archivist.get_by_role("main").get_by_role("alert")).to_contain_text("The number did not match the plan.")
    confirm_a_cleanup(archivist, "2")
    expect(archivist).to_have_url(re.compile(r"/jobs/\?kind=storage_cleanup"))
    expect(archivist.locator("#jobs")).to_contain_text("2 files deleted", timeout=SOON_MS)
    assert present(station) == {pinned, held}


def test_a_file_that_has_changed_is_mended_from_its_off_site_copy(
    archivist: Page, station: Site, archive: Any, second_disk: Path
) -> None:
    file = clip_of(station, archive)
    whole = on_disk(station, archive, file).read_bytes()
    flip_a_bit(on_disk(station, archive, file))
    verify_in_the_admin(archivist, station, archive)
    archivist.goto(f"/archives/{archive['id']}/")
    findings = archivist.locator("[aria-labelledby=findings-title]")
    expect(findings).to_contain_text("Its content has changed. It was mended from a whole copy.")
    expect(findings).to_contain_text(": whole")
    assert on_disk(station, archive, file).read_bytes() == whole
    assert open_alerts(station) == []


def test_a_file_without_a_whole_copy_is_an_alert_until_it_is_restored(
    archivist: Page, station: Site, archive: Any, second_disk: Path
) -> None:
    file = clip_of(station, archive)
    here, [far] = on_disk(station, archive, file), list(second_disk.rglob(Path(file["path"]).name))
    whole = here.read_bytes()
    flip_a_bit(here)
    flip_a_bit(far)
    verify_in_the_admin(archivist, station, archive)
    assert open_alerts(station) == [f"archive.damaged:{archive['id']}"]
    archivist.goto("/archives/")
    expect(archivist.locator("tbody tr").filter(has_text=archive["name"])).to_contain_text("1 file")
    archivist.get_by_role("link", name=archive["name"]).click()
    expect(archivist.locator(".banner").filter(has_text="1 file missing or damaged.")).to_be_visible()
    expect(archivist.locator("[aria-labelledby=missing-title]")).to_contain_text(Path(file["path"]).name)
    here.write_bytes(whole)
    verify_in_the_admin(archivist, station, archive)
    assert open_alerts(station) == []


def test_the_page_of_a_cleanup_suits_everyone(archivist: Page, station: Site) -> None:
    hold(station, saved(station, 10))
    in_theme(archivist, station, "red")
    plan_a_cleanup(archivist)
    assert overflowing(archivist, 320, 390, 1440) == []
    assert violations_in_themes(archivist) == {}
    assert brightest_other_than_red(archivist, full_page=True) == 0
