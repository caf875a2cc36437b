"""`skycam record cleanup`: which clips are deleted, or would be, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from captures.models import Clip
from core.events.models import Event
from core.jobs.models import Job
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.rows.clip_archive import ClipArchive, configured
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db(transaction=True)
MB = 1_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path, "10m")
    yield disk
    disk.close()


@pytest.fixture
def archive(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    """Six clips of 1 MB on a disk of 10 MiB: two too many for its space, and one too many for the camera."""
    values = {"rolling_clips_count": 5, "soft_floor_gb": 0.006, "hard_floor_gb": 0.001}
    configured(monkeypatch, **values)
    for name, value in values.items():  # the job's child process reads the configuration by itself
        monkeypatch.setenv(f"CAMERA_CONFIG__{name.upper()}", str(value))
    archive = ClipArchive(disk.path)
    archive.clips(6, MB)
    return archive


def test_a_dry_run_lists_clips_with_reasons_and_deletes_none(archive: ClipArchive) -> None:
    result = answer("record", "cleanup", "--dry-run")
    found = [(clip["camera"], clip["filename"][0], clip["bytes"], clip["why"]) for clip in result["results"]]
    assert found == [("sim", "0", MB, "count"), ("sim", "1", MB, "space")]
    assert result["bytes"] == 2 * MB
    assert result["dry_run"] is True
    assert archive.kept == ["0", "1", "2", "3", "4", "5"]


def test_cleanup_deletes_what_the_dry_run_lists(archive: ClipArchive) -> None:
    named = answer("record", "cleanup", "--dry-run")["results"]
    result = answer("record", "cleanup")
    assert [clip["clip"] for clip in result["results"]] == [clip["clip"] for clip in named]
    assert result["problems"] == []
    assert archive.kept == ["2", "3", "4", "5"]
    assert {event.actor for event in Event.objects.filter(kind="storage.cleaned")} == {"cli:root"}


def test_cleanup_is_a_job_of_this_host(archive: ClipArchive) -> None:
    skycam("record", "cleanup")
    job = Job.objects.get()
    assert job.kind == "clip_cleanup"
    assert job.host == "main"
    assert job.state == "done"
    assert job.sentence == "2 clips deleted"
    assert job.result is not None
    assert job.result["clips"] == 2
    assert job.result["bytes"] == 2 * MB


def test_the_dry_run_is_shown_as_a_table(archive: ClipArchive) -> None:
    shown = skycam("record", "cleanup", "--dry-run")
    assert shown.exit_code == 0
    assert "0-rolling.mp4" in shown.stdout
    assert "2 clips would be deleted, 2 MB." in shown.stdout


def test_cleanup_without_clips_to_delete_says_so(archive: ClipArchive) -> None:
    Clip.objects.update(pinned=True)
    shown = skycam("record", "cleanup")
    assert shown.exit_code == 0
    assert shown.stdout == "0 clips deleted, 0 B.\n"


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_an_unmounted_root_is_an_error(archive: ClipArchive, disk: SmallDisk, option: list[str]) -> None:
    disk.unmount()
    result = skycam("record", "cleanup", *option)
    disk.mount()
    assert result.exit_code == 1
    assert "is not mounted" in result.stderr
