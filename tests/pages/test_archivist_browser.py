"""The work of an archivist in the archive admin, in a real browser on a real station: clips are cleaned up, and a file
of an archive that has changed is found and mended from its off-site copy, or is an alert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.archived_run import archived_run, clip_of, files_of, flip_a_bit, on_disk
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import Site, in_theme
from tests.harness.rows.clips import content
from tests.harness.rows.station_rows import put_clip, remove_clips, stored
from tests.harness.waiting import eventually

OLD = datetime(2014, 3, 28, 12, 0, tzinfo=UTC)
OLD_DAYS = 3000
"""Older than these days are only the clips of 2014."""
ARCHIVES = "/admin/captures/archive/"
DELETED = re.compile("[0-2] files? deleted")
"""The station applies the rule by itself, too, each minute: it may be the one that deletes a planned file."""


@pytest.fixture(scope="module", autouse=True)
def rule_of_age(site: Site) -> Iterator[None]:
    """Rolling clips older than OLD_DAYS are deleted."""
    site.api.ask("PATCH", "settings/", {"retention.rolling_clip_days": OLD_DAYS})
    yield
    site.api.ask("PATCH", "settings/", {"retention.rolling_clip_days": None})


@pytest.fixture
def old_clips(site: Site) -> Iterator[list[str]]:
    """For the ids of clips that may still be there after the test."""
    found: list[str] = []
    yield found
    remove_clips(site.station, *found)


@pytest.fixture(scope="module")
def second_disk(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a destination that gets a copy of each file of an archive."""
    folder = tmp_path_factory.mktemp("second-disk")
    wanted = {"name": "Second disk", "kind": "folder", "settings": {"path": str(folder)}, "classes": ["archive"]}
    made = site.api.ask("POST", "offsite/destinations/", wanted)
    site.api.ask("POST", f"offsite/destinations/{made['id']}/test/", {})
    yield folder
    site.api.ask("DELETE", f"offsite/destinations/{made['id']}/?force=true")


@pytest.fixture(scope="module")
def archive(site: Site, second_disk: Path) -> Any:
    """The archive of a run whose source clip is deleted: only the off-site copies of its files are whole besides it."""
    found = archived_run(site, "Dew on mirror 3")
    digests = {file["sha256"] for file in files_of(site, found)}
    eventually(lambda: digests <= copied_digests(site), "the files of the archive are copied")
    site.api.ask("DELETE", f"clips/{clip_of(site, found)['clip']}/")
    return found


def saved(site: Site, minute: int, **fields: Any) -> str:
    """The id of an old clip."""
    return put_clip(site.station, OLD + timedelta(minutes=minute), content(40, minute), 4.0, **fields)


def present(site: Site) -> set[str]:
    """The ids of the old clips that are there."""
    return {clip["id"] for clip in site.api.ask("GET", "clips/?to=2015-01-01T00:00:00Z")["results"]}


def held_clip(site: Site, minute: int) -> str:
    """The id of an old clip that an experiment holds from the beginning: the station deletes others by itself."""
    young = put_clip(site.station, datetime.now(UTC), content(40, minute), 4.0)
    hold(site, young)
    begin, end = (stored(OLD + timedelta(minutes=minute, seconds=at)) for at in (0, 4))
    change = "UPDATE captures_clip SET started_at = ?, ended_at = ? WHERE id = ?"
    site.station.database.execute(change, begin, end, young.replace("-", ""))
    return young


def release(site: Site, clip: str) -> None:
    site.station.database.execute("DELETE FROM captures_cliphold WHERE clip_id = ?", clip.replace("-", ""))


def hold(site: Site, clip: str) -> None:
    row = {"clip_id": clip.replace("-", ""), "by": "experiment", "name": "dew", "since": stored(OLD)}
    site.station.database.insert("captures_cliphold", row)


def choose(page: Page, action: str) -> None:
    page.get_by_label("Action", exact=True).select_option(action)
    page.get_by_role("button", name="Continue").click()


def pin_in_the_admin(page: Page, clip: str) -> None:
    page.goto(f"/admin/captures/clip/{clip}/")
    choose(page, "pin")
    page.get_by_label("Reason").fill("For the paper")
    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_text("1 clip pinned.")).to_be_visible()


def plan_a_cleanup(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="Clean up").click()
    page.get_by_role("button", name="Show what would be deleted").click()


def confirm_a_cleanup(page: Page, number: str) -> None:
    page.get_by_label("Type the number").fill(number)
    page.get_by_role("button", name="Delete 2 files").click()


def verify_in_the_admin(page: Page, site: Site, archive: Any) -> None:
    """Until the archive is read again."""
    before = verifications(site)
    page.goto(ARCHIVES)
    page.get_by_role("link", name=archive["name"]).click()
    choose(page, "verify")
    page.get_by_label("Type the number").fill("1")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#jobs")).to_contain_text("1 row verified, 0 with an error")
    eventually(lambda: verifications(site) - before, "the archive is verified")


def verifications(site: Site) -> set[str]:
    """The jobs that are done."""
    return {job["id"] for job in site.api.ask("GET", "jobs/?kind=verify_archive&state=done")["results"]}


def is_damaged(site: Site, archive: Any) -> bool:
    """Whether the archive has an open alert."""
    found = site.api.ask("GET", "alerts/?state=open&limit=200")["results"]
    return f"archive.damaged:{archive['id']}" in [alert["key"] for alert in found]


def copied_digests(site: Site) -> set[str]:
    """Of the files with a verified off-site copy."""
    return {copy["sha256"] for copy in site.api.ask("GET", "offsite/copies/?state=verified&limit=200")["results"]}


def wait_for_the_rule_of_age(site: Site) -> None:
    """Until just after the station has applied it by itself: it does so again a minute later."""
    decoy = saved(site, 59)
    eventually(lambda: decoy not in present(site), "the station deletes an old clip by itself", takes_s=60)


@pytest.mark.prove
def test_a_cleanup_is_planned_confirmed_and_leaves_what_is_pinned_or_held(
    page: Page, site: Site, old_clips: list[str]
) -> None:
    pinned, held = held_clip(site, 0), held_clip(site, 1)
    old_clips += [pinned, held]
    pin_in_the_admin(page, pinned)
    release(site, pinned)
    page.goto("/admin/")
    wait_for_the_rule_of_age(site)
    old = [saved(site, minute) for minute in (2, 3)]
    plan_a_cleanup(page)
    expect(page.locator("#plan-count")).to_contain_text("Clean up: 2 files")
    left_out = page.get_by_role("list", name="Left out", exact=True)
    expect(left_out).to_contain_text("1 left out: kept by experiment dew")
    expect(left_out).to_contain_text("1 left out: kept by a pin")
    assert present(site) == {pinned, held, *old}
    confirm_a_cleanup(page, "3")
    expect(page.get_by_role("main").get_by_role("alert")).to_contain_text("The number did not match the plan.")
    confirm_a_cleanup(page, "2")
    expect(page).to_have_url(re.compile(r"/jobs/\?kind=storage_cleanup"))
    expect(page.locator("#jobs")).to_contain_text(DELETED)
    eventually(lambda: present(site) == {pinned, held}, lambda: present(site))


def test_a_file_that_has_changed_is_mended_from_its_off_site_copy(
    page: Page, site: Site, archive: Any, second_disk: Path
) -> None:
    file = clip_of(site, archive)
    whole = on_disk(site, archive, file).read_bytes()
    flip_a_bit(on_disk(site, archive, file))
    verify_in_the_admin(page, site, archive)
    page.goto(f"/archives/{archive['id']}/")
    findings = page.locator("[aria-labelledby=findings-title]")
    expect(findings).to_contain_text("Its content has changed. It was mended from a whole copy.")
    expect(findings).to_contain_text(": whole")
    assert on_disk(site, archive, file).read_bytes() == whole
    assert not is_damaged(site, archive)


def test_a_file_without_a_whole_copy_is_an_alert_until_it_is_restored(
    page: Page, site: Site, archive: Any, second_disk: Path
) -> None:
    file = clip_of(site, archive)
    here, [far] = on_disk(site, archive, file), list(second_disk.rglob(Path(file["path"]).name))
    whole = here.read_bytes()
    flip_a_bit(here)
    flip_a_bit(far)
    verify_in_the_admin(page, site, archive)
    assert is_damaged(site, archive)
    page.goto("/archives/")
    expect(page.locator("tbody tr").filter(has_text=archive["name"])).to_contain_text("1 file")
    page.get_by_role("link", name=archive["name"]).click()
    expect(page.locator("main .banner").filter(has_text="1 file missing or damaged.")).to_be_visible()
    expect(page.locator("[aria-labelledby=missing-title]")).to_contain_text(Path(file["path"]).name)
    here.write_bytes(whole)
    far.write_bytes(whole)
    verify_in_the_admin(page, site, archive)
    assert not is_damaged(site, archive)


def test_the_page_of_a_cleanup_suits_everyone(page: Page, site: Site, old_clips: list[str]) -> None:
    old_clips.append(held_clip(site, 10))
    in_theme(page, site, "red")
    plan_a_cleanup(page)
    assert overflowing(page, 320, 390, 1440) == []
    assert violations_in_themes(page) == {}
    assert brightest_other_than_red(page, full_page=True) == 0
