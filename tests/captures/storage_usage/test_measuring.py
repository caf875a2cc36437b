"""How much is stored: by rows, on the disk, as a history, and how long the space lasts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera
from captures.models import RootSpace, StorageUsage
from captures.storage.trash.services import trash_capture
from captures.storage.usage.measurements import KEPT_DAYS, Amount, forecast, measure_disk, measure_rows, walk
from tests.harness.rows.captures import PICTURE, file_of, saved
from tests.harness.rows.clip_archive import ClipArchive

GB = 1_000_000_000
MONDAY = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No day ends during a test."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def archive(tmp_path: Path, db: None) -> ClipArchive:
    return ClipArchive(tmp_path)


def usage() -> dict[tuple[str, str | None], tuple[int, int]]:
    rows = StorageUsage.objects.select_related("camera")
    return {(row.file_class, row.camera and row.camera.slug): (row.files, row.bytes) for row in rows}


def test_files_with_rows_are_summed_by_class_and_camera(archive: ClipArchive) -> None:
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host="main")
    archive.clips(3, size=100)
    archive.clip(3, 50, camera=other)
    archive.clip(4, 70, kind="manual")
    file_of(saved(archive.camera), archive.root, host="main")
    measure_rows("main")
    assert usage() == {
        ("rolling_clip", "sim"): (3, 300),
        ("rolling_clip", "other"): (1, 50),
        ("manual_clip", "sim"): (1, 70),
        ("capture", "sim"): (1, len(PICTURE)),
    }


def test_the_last_measurement_of_a_day_stands_and_each_day_has_its_own(archive: ClipArchive) -> None:
    archive.clip(0, 100)
    measure_rows("main")
    StorageUsage.objects.update(day=timezone.now().date() - timedelta(days=1))
    measure_rows("main")
    archive.clip(1, 100)
    measure_rows("main")
    assert list(StorageUsage.objects.order_by("day").values_list("bytes", flat=True)) == [100, 200]


def test_a_capture_in_the_trash_still_takes_space(archive: ClipArchive) -> None:
    capture = file_of(saved(archive.camera), archive.root, host="main").capture
    trash_capture(capture, "boss")
    measure_rows("main")
    assert usage()["capture", "sim"] == (1, len(PICTURE))


def test_old_days_are_removed(archive: ClipArchive) -> None:
    archive.clip(0, 100)
    measure_rows("main")
    StorageUsage.objects.update(day=timezone.now().date() - timedelta(days=KEPT_DAYS + 1))
    measure_rows("main")
    assert StorageUsage.objects.count() == 1


def store_spaces(archive: ClipArchive, measured: Iterable[tuple[date, int]]) -> None:
    now = timezone.now()
    rows = [
        RootSpace(root=archive.root, day=day, measured_at=now, free_bytes=free, total_bytes=200 * GB)
        for day, free in measured
    ]
    RootSpace.objects.bulk_create(rows)


def test_a_clock_that_is_years_ahead_does_not_erase_the_history(archive: ClipArchive) -> None:
    today = timezone.now().date()
    store_spaces(archive, [(today - timedelta(days=KEPT_DAYS + number), 50 * GB) for number in range(1, 11)])
    measure_rows("main")
    assert RootSpace.objects.count() == 10
    assert not RootSpace.objects.filter(day=today - timedelta(days=KEPT_DAYS + 10)).exists()


def test_a_class_that_has_no_files_any_more_is_not_shown(archive: ClipArchive, manager: APIClient) -> None:
    clip = archive.clip(0, 100)
    measure_rows("main")
    yesterday = timezone.now().date() - timedelta(days=1)
    StorageUsage.objects.update(day=yesterday)
    RootSpace.objects.update(day=yesterday)
    clip.delete()
    measure_rows("main")
    assert manager.get("/api/v1/storage/").json()["results"][0]["usage"] == []


def test_days_of_the_future_are_neither_the_last_measurement_nor_a_forecast(
    archive: ClipArchive, manager: APIClient
) -> None:
    store_spaces(archive, days(100, 90, 80, 70))
    store_spaces(archive, [(timezone.now().date() + timedelta(days=3650), GB)])
    [body] = manager.get("/api/v1/storage/").json()["results"]
    assert body["free_bytes"] == 70 * GB
    assert body["forecast"]["bytes_per_day"] == 10 * GB


def test_files_without_rows_are_measured_on_the_disk(archive: ClipArchive) -> None:
    thumbnails = archive.folder / ".thumbnails" / "ab"
    thumbnails.mkdir(parents=True)
    (thumbnails / "one.jpg").write_bytes(b"12345")
    measure_disk("main", lambda: None, lambda: False)
    measure_disk("main", lambda: None, lambda: False)
    assert usage()["thumbnail", None] == (1, 5)


def test_the_disk_of_a_root_is_measured_while_it_is_mounted(archive: ClipArchive) -> None:
    measure_rows("main")
    (archive.folder / ".skycam-root").unlink()
    RootSpace.objects.update(free_bytes=1)
    measure_rows("main")
    assert RootSpace.objects.get().free_bytes == 1


def test_a_walk_follows_no_symbolic_links_and_takes_hostile_names(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / "large").write_bytes(bytes(1000))
    (below / "link").symlink_to(tmp_path)
    (below / "a\nb\u202e.jpg").write_bytes(b"123")
    Path(below, b"\xff.jpg".decode("utf-8", "surrogateescape")).write_bytes(b"4567")
    found = walk(below, lambda: None, lambda: False)
    assert found is not None
    assert found.files == 2
    assert found.bytes == 7


def test_a_walk_that_is_stopped_has_no_result(tmp_path: Path) -> None:
    assert walk(tmp_path, lambda: None, lambda: True) is None


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert walk(tmp_path / "none", lambda: None, lambda: False) == Amount(0, 0)


def days(*free_gb: float) -> list[tuple[date, int]]:
    return [(MONDAY + timedelta(days=number), int(free * GB)) for number, free in enumerate(free_gb)]


def test_the_forecast_is_unknown_without_enough_days() -> None:
    assert forecast(days(90, 80, 70), 10 * GB).days_left is None
    assert forecast(days(90, 80, 70), 10 * GB).sentence == "Unknown: measurements of 1 more day are needed."


def test_the_forecast_counts_the_days_until_the_floor() -> None:
    found = forecast(days(100, 90, 80, 70), 10 * GB)
    assert found.days_left == 6
    assert found.bytes_per_day == 10 * GB


def test_one_day_of_deletions_does_not_change_the_forecast() -> None:
    found = forecast(days(100, 90, 80, 170, 160, 150, 140, 130), 10 * GB)
    assert found.bytes_per_day == 10 * GB


def test_a_disk_that_becomes_emptier_has_no_days_left() -> None:
    assert forecast(days(10, 20, 30, 40), 0).days_left is None
    assert forecast(days(10, 20, 30, 40), 0).sentence == "The disk does not fill up at present."
