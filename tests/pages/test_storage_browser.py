"""The pages of the storage in a real browser, on a real station: its jobs part deletes, checks and copies."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from tests.harness.browsers.inspection import barriers_on, brightest_other_than_red
from tests.harness.browsers.site import Site, in_theme
from tests.harness.rows.cards import taken_picture
from tests.harness.rows.clips import content
from tests.harness.rows.station_rows import ROOT, put_clip, remove_clips, stored
from tests.harness.waiting import eventually

STARTED = datetime(2015, 3, 28, 12, 0, tzinfo=UTC)
OLD_DAYS = 3000
"""Older than these days are only the clips of 2015."""
FOUND = "SELECT id FROM captures_integrityfinding WHERE state = 'open' AND kind = 'missing' AND \"row\" = ?"
ADOPTED = "SELECT capture_id FROM captures_capturefile WHERE path = 'captures/simulated/found.jpg'"


def put_old_clip(site: Site, minute: int, **fields: Any) -> str:
    return put_clip(site.station, STARTED + timedelta(minutes=minute), content(20, minute), 2, kind="manual", **fields)


def is_there(site: Site, clip: str) -> bool:
    return site.api.call("GET", f"clips/{clip}/").status == 200


@pytest.fixture
def rule_of_age(site: Site) -> Iterator[None]:
    """Manual clips older than OLD_DAYS go. The station has just applied the rule, and does so again in a minute."""
    site.api.ask("PATCH", "settings/", {"retention.manual_clip_days": OLD_DAYS})
    first = put_old_clip(site, 0)
    eventually(lambda: not is_there(site, first), "the rule of age is applied", takes_s=60)
    yield
    site.api.ask("PATCH", "settings/", {"retention.manual_clip_days": None})


@pytest.fixture
def old_clips(site: Site) -> Iterator[list[str]]:
    """For the ids of clips that are still there after the test."""
    found: list[str] = []
    yield found
    remove_clips(site.station, *found)


@pytest.fixture
def destination(site: Site, tmp_path: Path) -> Iterator[str]:
    """A folder for copies of products, of which there are none."""
    (tmp_path / "copies").mkdir()
    body = {"name": "Disk 2", "kind": "folder", "settings": {"path": str(tmp_path / "copies")}, "classes": ["archive"]}
    made = site.api.ask("POST", "offsite/destinations/", body)["id"]
    yield made
    site.api.ask("DELETE", f"offsite/destinations/{made}/?force=true")


@pytest.fixture
def trashed(site: Site) -> str:
    """The id of a capture in the trash."""
    capture = site.station.cameras.saved_capture()["id"]
    site.api.ask("DELETE", f"captures/{capture}/")
    return str(capture)


def root_of(site: Site) -> tuple[str, Path, str]:
    [(root, folder, host)] = site.station.database.rows(ROOT)
    return str(root), Path(str(folder)), str(host)


def put_finding(site: Site, path: str) -> None:
    """An untracked picture with its finding: a check would report the file only after ten minutes."""
    root, folder, host = root_of(site)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(taken_picture(timezone.now() - timedelta(days=2)))
    values = {
        "id": uuid.uuid4().hex, "host": host, "root_id": root, "kind": "untracked", "state": "open", "table": "",
        "row": "", "path": path, "raw_path": path.encode(), "path_digest": uuid.uuid4().hex, "bytes": 1000,
        "message": "The file has no row.", "check_job": "", "found_at": stored(timezone.now()), "target": "",
        "decided_by": "",
    }  # fmt: skip
    site.station.database.insert("captures_integrityfinding", values)


def row(page: Page, text: str) -> Locator:
    return page.locator("#findings tbody tr").filter(has_text=text)


def test_a_dry_run_is_executed_and_pinned_and_held_clips_stay(
    page: Page, site: Site, rule_of_age: None, old_clips: list[str]
) -> None:
    gone, pinned, held = put_old_clip(site, 1), put_old_clip(site, 2, pinned=1), put_old_clip(site, 3)
    hold = {"clip_id": uuid.UUID(held).hex, "by": "experiment", "name": "Dew", "since": stored(timezone.now())}
    site.station.database.insert("captures_cliphold", hold)
    old_clips += [pinned, held]
    page.goto("/storage/")
    page.get_by_role("button", name="Try the rules now").click()
    expect(page.locator("#plan-count")).to_contain_text("1 file,")
    expect(page.locator("#kept")).to_contain_text("kept by experiment Dew")
    expect(page.locator("#kept tbody tr")).to_have_count(2)
    page.get_by_label("Type the number of files").fill("1")
    page.get_by_role("button", name="Delete 1 file").click()
    # Of the station's own application of the rule, each minute, and this one, either may come first.
    expect(page.locator("#plan-result")).to_contain_text(re.compile("[01] of 1 planned file"))
    assert [is_there(site, clip) for clip in (gone, pinned, held)] == [False, True, True]


def test_a_capture_is_restored_from_the_trash_and_another_deleted(page: Page, site: Site, trashed: str) -> None:
    page.goto("/storage/")
    page.get_by_role("link", name="Trash").click()
    page.locator(f"#capture-{trashed}").get_by_role("checkbox").check()
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("main .banner.ok")).to_contain_text("1 capture was restored.")
    site.api.ask("DELETE", f"captures/{trashed}/")
    page.goto("/storage/trash/")
    page.locator(f"#capture-{trashed}").get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete now").click()
    page.get_by_label("Type the number of captures").fill("1")
    page.get_by_role("button", name="Delete 1").click()
    expect(page.locator("main .banner.ok")).to_contain_text("1 capture was deleted.")
    assert site.api.ask("GET", f"captures/{trashed}/")["files"] == []


def test_a_check_finds_a_missing_file_and_an_untracked_one_is_adopted(page: Page, site: Site) -> None:
    _, folder, _ = root_of(site)
    lost = put_clip(site.station, STARTED, content(20), 2)
    [file] = folder.glob(f"clips/simulated/{uuid.UUID(lost).hex}.mp4")
    file.unlink()
    page.goto("/storage/integrity/")
    page.get_by_role("button", name="Check now").click()
    eventually(lambda: site.station.database.rows(FOUND, lost), "it is found")
    expect(page.locator("#checks")).to_contain_text("Done")
    # Not in the list, whose first page may be full: other tests have left rows without files.
    [(finding,)] = site.station.database.rows(FOUND, lost)
    page.goto(f"/storage/integrity/{uuid.UUID(finding)}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Missing file")
    page.goto("/storage/integrity/")
    put_finding(site, "captures/simulated/found.jpg")
    page.reload()
    row(page, "found.jpg").get_by_role("link", name="Decide").click()
    page.get_by_label("Camera", exact=True).select_option("simulated")
    page.get_by_role("button", name="Adopt").click()
    expect(page.locator("main .banner.ok")).to_contain_text("Adopted: captures/simulated/found.jpg.")
    [(adopted,)] = site.station.database.rows(ADOPTED)
    site.api.ask("DELETE", f"captures/{uuid.UUID(adopted)}/")
    site.station.database.execute("DELETE FROM captures_integrityfinding WHERE state = 'open'")
    site.api.ask("DELETE", f"clips/{lost}/")


def test_the_connection_to_a_destination_is_tested(page: Page, site: Site, destination: str) -> None:
    page.goto("/storage/")
    page.get_by_role("button", name="Test the connection to Disk 2").click()
    expect(page.locator("#said-storage")).to_contain_text("Disk 2 is being tested.")
    expect(page.locator("#offsite")).to_contain_text("The test worked")


def test_the_pages_are_accessible_in_each_theme_and_fit_a_phone(
    page: Page, site: Site, destination: str, trashed: str
) -> None:
    put_finding(site, f"captures/simulated/{'long-name-' * 15}.jpg")
    page.goto("/storage/integrity/")
    finding = row(page, "long-name").locator("a").first.get_attribute("href") or ""
    paths = [
        "/storage/",
        "/storage/trash/",
        "/storage/destinations/add/?kind=sftp",
        "/storage/integrity/",
        f"/storage/destinations/{destination}/",
        finding,
    ]
    assert barriers_on(page, *paths) == []
    site.station.database.execute("DELETE FROM captures_integrityfinding WHERE state = 'open'")


def test_the_red_theme_emits_red_alone(page: Page, site: Site, trashed: str) -> None:
    in_theme(page, site, "red")
    page.goto("/storage/")
    storage = brightest_other_than_red(page, full_page=True)
    page.goto("/storage/trash/")
    assert (storage, brightest_other_than_red(page, full_page=True)) == (0, 0)


def test_a_key_opens_the_page(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile("/storage/$"))
