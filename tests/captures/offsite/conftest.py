"""A folder as a destination, and clips to send there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.harness.clocks.clock import SteppingClock

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.models import CaptureFile, Clip, Destination, StorageRoot


@pytest.fixture(autouse=True)
def job_clock(monkeypatch: pytest.MonkeyPatch) -> SteppingClock:
    """By which a job in this process waits for a destination that fails."""
    from captures.storage.offsite import jobs

    clock = SteppingClock()
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.wait))
    return clock


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of an S3 server with the bucket `copies`."""
    from tests.harness.far_ends.offsite.s3_server import s3_server

    with s3_server() as port:
        yield port


@pytest.fixture
def clips(camera: Camera, root: StorageRoot) -> list[Clip]:
    """Three, 10 s apart."""
    from tests.harness.rows.clips import STARTED, clip_of

    return [clip_of(camera, root, STARTED + timedelta(seconds=10 * number)) for number in range(3)]


@pytest.fixture
def old(camera: Camera, root: StorageRoot) -> CaptureFile:
    """The file of a capture of two hours ago, with its thumbnails."""
    from tests.harness.rows.offsite import old_file

    return old_file(camera, root)


@pytest.fixture
def pace_clock(monkeypatch: pytest.MonkeyPatch) -> SteppingClock:
    """By which a limit of bandwidth waits."""
    from captures.storage.offsite import senders

    clock = SteppingClock()
    monkeypatch.setattr(senders, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.wait))
    monkeypatch.setattr(senders, "TokenBucket", partial(senders.TokenBucket, clock=clock.monotonic))
    return clock


@pytest.fixture
def copies_folder(tmp_path: Path) -> Path:
    return tmp_path / "copies"


@pytest.fixture
def folder_copies(db: None, copies_folder: Path) -> Destination:
    """A tested destination for clips and captures."""
    from tests.harness.rows.offsite import folder_destination

    return folder_destination(copies_folder)
