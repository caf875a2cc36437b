"""The disk of the archive is full, not mounted, or fails: a clear state, an alert, and another try."""

from __future__ import annotations

import fcntl
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cameras.spool.storage import MARKER, make_root
from captures.models import Archive, ArchiveFile, Clip, Experiment, StorageRoot
from captures.roots.roots import assign_root
from captures.storage.archives import jobs
from captures.storage.archives.services import advance, advance_all, archive_path
from captures.storage.archives.transfer import SenderAway, fetch_file
from core.broker import broker
from core.events.models import Alert
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from core.station_settings import StationSetting, clear_cache
from tests.harness.rows.archives import request_archive


@pytest.fixture
def target(tmp_path: Path, root: StorageRoot) -> StorageRoot:
    """A root of its own for archives."""
    folder = tmp_path / "target"
    folder.mkdir()
    made = StorageRoot.objects.create(host="main", path=str(folder))
    make_root(folder, str(made.pk))
    assign_root(made, "archives")
    return made


def attempt(archive: Archive) -> Any:
    return jobs.make_archive(JobContext("job-1", {"archive": str(archive.pk)}, None, "ada", lambda _: None))


def open_alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_disk_that_is_not_mounted_is_reported_and_nothing_is_written(
    run: Experiment, clips: list[Clip], target: StorageRoot
) -> None:
    archive = request_archive(run)
    Path(target.path, MARKER).unlink()
    with pytest.raises(JobError, match="is not mounted"):
        attempt(archive)
    assert list(Path(target.path).iterdir()) == []
    assert open_alerts() == [f"archive.failed:{archive.pk}"]
    archive.refresh_from_db()
    assert "is not mounted" in archive.message


def test_the_archive_goes_on_once_the_disk_is_back(run: Experiment, clips: list[Clip], target: StorageRoot) -> None:
    archive = request_archive(run)
    Path(target.path, MARKER).unlink()
    with pytest.raises(JobError):
        attempt(archive)
    Path(target.path, MARKER).write_text(str(target.pk))
    attempt(archive)
    archive.refresh_from_db()
    assert (archive.state, archive.message) == ("complete", "")
    assert open_alerts() == []


def test_a_full_disk_is_reported(
    run: Experiment, clips: list[Clip], target: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than any disk of a test has.
    monkeypatch.setattr(jobs, "RESERVE_BYTES", 1 << 60)
    archive = request_archive(run)
    with pytest.raises(JobError, match="is full"):
        attempt(archive)
    assert ArchiveFile.objects.filter(state="planned").count() == 3
    assert not list(Path(archive_path(archive)).rglob("*.mp4"))


def test_another_job_is_started_some_minutes_after_one_that_failed(
    run: Experiment, clips: list[Clip], target: StorageRoot
) -> None:
    archive = request_archive(run)
    Job.objects.update(state="failed", ended_at=timezone.now())
    advance(archive)
    assert Job.objects.filter(state="waiting").count() == 0
    Job.objects.update(ended_at=timezone.now() - timedelta(minutes=6))
    advance(archive)
    assert Job.objects.filter(state="waiting").count() == 1


def test_a_job_that_failed_in_the_future_is_no_reason_to_wait(
    run: Experiment, clips: list[Clip], target: StorageRoot
) -> None:
    archive = request_archive(run)
    Job.objects.update(state="failed", ended_at=timezone.now() + timedelta(days=1))
    advance(archive)
    assert Job.objects.filter(state="waiting").count() == 1


def test_a_host_to_gather_files_on_that_does_not_exist_is_reported(
    run: Experiment, clips: list[Clip], target: StorageRoot
) -> None:
    archive = request_archive(run)
    Archive.objects.update(state="waiting")
    ArchiveFile.objects.update(folder=archive.folders.create(host="dome", root=target))
    StationSetting.objects.create(key="archive_config.gather_host", value="attic")
    clear_cache()
    advance_all()
    archive.refresh_from_db()
    assert "The host 'attic' has no storage root." in archive.message
    assert open_alerts() == [f"archive.failed:{archive.pk}"]


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    run: Experiment, clips: list[Clip], target: StorageRoot, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Path(target.path, "experiments").symlink_to(outside)
    archive = request_archive(run)
    with pytest.raises(JobError, match="failed"):
        attempt(archive)
    assert list(outside.iterdir()) == []


def test_a_job_that_is_stopped_goes_on_later(run: Experiment, clips: list[Clip], target: StorageRoot) -> None:
    archive = request_archive(run)
    context = JobContext("job-1", {"archive": str(archive.pk)}, None, "ada", lambda _: None)
    context.stopping.set()
    jobs.make_archive(context)
    archive.refresh_from_db()
    assert archive.state == "copying"
    attempt(archive)
    archive.refresh_from_db()
    assert archive.state == "complete"


def test_a_source_that_is_not_mounted_is_not_missing(
    run: Experiment, clips: list[Clip], target: StorageRoot, root: StorageRoot
) -> None:
    archive = request_archive(run)
    marker = Path(root.path, MARKER)
    marker.rename(Path(root.path, "away"))
    Path(root.path, "clips").rename(Path(root.path, "clips-away"))
    with pytest.raises(JobError, match="is not mounted"):
        attempt(archive)
    assert set(ArchiveFile.objects.values_list("state", flat=True)) == {"planned"}
    Path(root.path, "away").rename(marker)
    Path(root.path, "clips-away").rename(Path(root.path, "clips"))
    attempt(archive)
    archive.refresh_from_db()
    assert archive.state == "complete"


def test_a_source_that_is_restored_is_copied_by_the_next_request(
    run: Experiment, clips: list[Clip], target: StorageRoot, root: StorageRoot, run_jobs: Any
) -> None:
    source = Path(root.path, clips[0].path)
    content = source.read_bytes()
    source.unlink()
    archive = request_archive(run)
    run_jobs()
    assert open_alerts() == [f"archive.incomplete:{archive.pk}"]
    source.write_bytes(content)
    request_archive(run)
    run_jobs()
    archive.refresh_from_db()
    assert (archive.state, archive.missing) == ("complete", [])
    assert open_alerts() == []


def test_a_second_process_does_not_write_beside_one_whose_job_was_lost(
    run: Experiment, clips: list[Clip], target: StorageRoot
) -> None:
    archive = request_archive(run)
    folder = Path(archive_path(archive))
    folder.mkdir(parents=True)
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(JobError, match="Another process"):
        attempt(archive)
    os.close(other)
    attempt(archive)
    archive.refresh_from_db()
    assert archive.state == "complete"


def test_a_host_that_is_away_does_not_hold_up_the_files_of_this_one(
    run: Experiment, clips: list[Clip], target: StorageRoot
) -> None:
    archive = request_archive(run)
    dome = archive.folders.create(host="dome", root=target)
    # As a file of a camera that comes first.
    place = {"camera": clips[0].camera, "path": "attic/clips/a.mp4", "at": run.started_at, "bytes": 1}
    far = ArchiveFile.objects.create(folder=dome, state="copied", **place)
    ArchiveFile.objects.create(folder=archive.folders.get(host="main"), gathered_from=far, **place)
    with pytest.raises(JobError, match="the files of dome cannot be fetched"):
        attempt(archive)
    assert ArchiveFile.objects.filter(folder__host="main", state="copied").count() == 3


def test_a_broker_that_is_away_is_named(archive: Archive, tmp_path: Path) -> None:
    file = ArchiveFile.objects.select_related("folder").order_by("path")[0]
    broker.binary_connection.cache_clear()
    with (tmp_path / "fetched").open("wb") as target, pytest.raises(SenderAway, match="The broker does not answer"):
        fetch_file(file, target.fileno(), JobContext("job-1", {}, None, "ada", lambda _: None))


def test_a_source_that_is_not_mounted_does_not_hold_up_the_others(
    run: Experiment, clips: list[Clip], target: StorageRoot, tmp_path: Path
) -> None:
    away = StorageRoot.objects.create(host="main", path=str(tmp_path / "away"))
    Clip.objects.filter(pk=clips[0].pk).update(root=away)
    archive = request_archive(run)
    with pytest.raises(JobError, match="is not mounted"):
        attempt(archive)
    assert ArchiveFile.objects.filter(state="copied").count() == 2
