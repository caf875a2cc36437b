"""The job `offsite` killed at each of its failpoints: the next one leaves each file verified once, and no parts."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cameras.models import Camera
from captures.models import Clip, Destination, StorageRoot
from captures.offsite.queue import queue_new_files
from tests.harness.project import PROJECT
from tests.harness.rows.clips import STARTED, clip_of
from tests.harness.rows.offsite import copies, events, send, states

pytestmark = pytest.mark.django_db(transaction=True)
POINTS = [
    ("after_claim", 0),
    ("after_claim", 1),
    ("after_data_sent", 0),
    ("after_copy_placed", 0),
    ("after_copy_compared", 1),
    ("after_row_verified", 0),
]


@pytest.fixture
def clips(camera: Camera, root: StorageRoot) -> list[Clip]:
    return [clip_of(camera, root, STARTED + timedelta(seconds=10 * number)) for number in range(3)]


def killed_at(point: str, passes: int, destination: Destination) -> int:
    queue_new_files(destination, "main")
    words = ["-m", "tests.harness.kills.offsite_process", point, str(passes), str(destination.pk)]
    return subprocess.run([sys.executable, *words], cwd=PROJECT, timeout=120, check=False).returncode


@pytest.mark.parametrize(("point", "passes"), POINTS)
def test_after_a_kill_the_next_job_finishes(
    folder_copies: Destination, clips: list[Clip], copies_folder: Path, point: str, passes: int
) -> None:
    assert killed_at(point, passes, folder_copies) == -9
    send(folder_copies)
    assert states(folder_copies) == ["verified"] * 3
    files = {str(path.relative_to(copies_folder)) for path in copies_folder.rglob("*.*") if path.is_file()}
    assert files == {".skycam-offsite", *(copy.key for copy in copies(folder_copies))}
    assert events() == []


def test_a_file_that_was_placed_before_the_kill_is_not_sent_again(
    folder_copies: Destination, clips: list[Clip], copies_folder: Path
) -> None:
    assert killed_at("after_copy_placed", 0, folder_copies) == -9
    [first, *_] = copies(folder_copies)
    placed = Path(copies_folder, first.key).stat().st_ino
    send(folder_copies)
    assert Path(copies_folder, first.key).stat().st_ino == placed
