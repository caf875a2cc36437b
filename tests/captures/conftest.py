"""A storage root with its marker, and captures with pictures in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.models import CaptureFile, Clip, StorageRoot
    from tests.harness.disks.small_disk import SmallDisk
    from tests.harness.rows.clip_archive import ClipArchive


@pytest.fixture
def picture(camera: Camera, root: StorageRoot) -> Callable[..., CaptureFile]:
    """The file of a new capture: its content, and any other fields of the row."""
    from tests.harness.rows.captures import file_of, saved

    def make(content: bytes, **fields: Any) -> CaptureFile:
        return file_of(saved(camera), root, content=content, **fields)

    return make


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    """With its file."""
    from tests.harness.rows.clips import clip_of

    return clip_of(camera, root)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    """A root whose cameras keep three rolling clips each."""
    from tests.harness.rows.clip_archive import ClipArchive, configured

    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return ClipArchive(tmp_path)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Of 4.2 MB, at `tmp_path / "disk"`."""
    from tests.harness.disks.small_disk import SmallDisk

    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


@pytest.fixture
def files_worker(valkey: Any) -> Iterator[None]:
    """A real worker for the files of this host, without a Supervisor."""
    from django.conf import settings

    words = ["worker", "--queues", f"files.{settings.STATION.host}", "--pool", "threads", "--concurrency", "2"]
    command = [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "--app", "skycam_project.celery", *words]
    worker = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], cwd=PROJECT, env=os.environ)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(PATIENCE_S)
