"""Nothing local goes before its copy is verified: neither by the rules of retention nor by a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from captures.models import Capture, CaptureFile, Clip, Destination
from captures.recordings.clips.services import ClipHeld, delete_clip
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.manager import StorageManager
from captures.storage.trash.services import NotPurged, purge_capture, trash_capture
from core.events.models import Alert
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clip_archive import ClipArchive, configured
from tests.harness.rows.offsite import folder_destination, send, store_digests

pytestmark = pytest.mark.django_db
HALF_MB = 500_000


@pytest.fixture
def archive(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    configured(monkeypatch, soft_floor_gb=0.002, hard_floor_gb=0.0001)
    return ClipArchive(disk.path)


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    return folder_destination(tmp_path / "copies")


def test_a_disk_at_its_floor_keeps_clips_without_a_copy(archive: ClipArchive, destination: Destination) -> None:
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]
    archive.root.refresh_from_db()
    assert archive.root.exhausted  # rolling recording is suspended, with an alert
    message = Alert.objects.get(key=f"storage.soft_floor:{archive.root.pk}").message
    assert "rolling clips wait for an off-site copy that is not verified" in message


def test_clips_go_once_their_copies_are_verified(archive: ClipArchive, destination: Destination) -> None:
    archive.clips(6, HALF_MB)
    store_digests()
    send(destination)
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4", "5"]


def test_a_paused_destination_keeps_its_clips(archive: ClipArchive, destination: Destination) -> None:
    Destination.objects.update(enabled=False)
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    assert len(archive.kept) == 6


def test_without_the_rule_clips_go_uncopied(archive: ClipArchive, destination: Destination) -> None:
    Destination.objects.update(keep_local=False)
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4", "5"]


def test_clips_of_other_classes_and_cameras_are_not_kept(archive: ClipArchive, destination: Destination) -> None:
    Destination.objects.update(classes=["capture", "manual_clip"])
    archive.clips(6, HALF_MB)
    archive.cleanup.run()
    assert archive.kept == ["2", "3", "4", "5"]


def test_one_of_two_destinations_is_not_enough(archive: ClipArchive, destination: Destination, tmp_path: Path) -> None:
    folder_destination(tmp_path / "others", name="others")
    archive.clips(6, HALF_MB)
    store_digests()
    send(destination)
    archive.cleanup.run()
    assert len(archive.kept) == 6


def test_a_person_cannot_delete_a_clip_without_a_copy(archive: ClipArchive, destination: Destination) -> None:
    archive.clips(1, HALF_MB)
    with pytest.raises(ClipHeld, match="until its copy is verified"):
        delete_clip(Clip.objects.get(), "ada")
    store_digests()
    send(destination)
    delete_clip(Clip.objects.get(), "ada")
    assert archive.kept == []


def trashed(archive: ClipArchive) -> Capture:
    """Two files of a capture whose time in the trash is over."""
    capture = saved(archive.camera, host="main")
    file_of(capture, archive.root, "captures/sim/one.jpg")
    file_of(capture, archive.root, "captures/sim/one.nef", kind="raw")
    trash_capture(capture, "boss")
    Capture.objects.update(trashed_at=timezone.now() - timedelta(days=400))
    return capture


def verify_copy(destination: Destination, name: str) -> None:
    """Only the file of this name is copied."""
    CaptureFile.objects.exclude(path__endswith=name).update(host="elsewhere")
    send(destination)
    CaptureFile.objects.update(host="main")


def test_no_file_of_a_capture_is_deleted_while_one_has_no_copy(archive: ClipArchive, destination: Destination) -> None:
    capture = trashed(archive)
    verify_copy(destination, "one.jpg")
    archive.cleanup.run()
    assert capture.files.count() == 2
    send(destination)
    ClipCleanup("main").run()
    assert capture.files.count() == 0


def test_a_plan_that_is_older_than_the_rule_deletes_nothing_without_a_copy(
    archive: ClipArchive, destination: Destination
) -> None:
    Destination.objects.update(keep_local=False)
    capture, manager = trashed(archive), StorageManager("main")
    plan = manager.plan()
    Destination.objects.update(keep_local=True)
    manager.execute(plan)
    assert len(plan.items) == 2
    assert capture.files.count() == 2


def test_a_person_cannot_delete_a_picture_without_a_copy_from_the_trash(
    archive: ClipArchive, destination: Destination
) -> None:
    capture = trashed(archive)
    with pytest.raises(NotPurged, match="kept by an off-site copy that is not verified"):
        purge_capture(capture, "main", "boss")
    assert capture.files.count() == 2
