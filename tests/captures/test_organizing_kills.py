"""The job `organize` killed at each of its failpoints: the next attempt leaves no file without a row, no row twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from captures.models import Capture, CaptureFile
from captures.organizing.copying import CopyRecovery
from captures.organizing.jobs import organize_folder
from captures.organizing.service import BATCH_FILES
from core.events.models import Event
from core.jobs.context import JobContext
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.archive import Archive
from tests.harness.rows.cards import write_card

pytestmark = pytest.mark.django_db(transaction=True)
PICTURES = 30
POINTS = [
    ("after_copy", 0),
    ("after_copy", 7),
    ("after_copies_planned", 0),
    ("after_copies_placed", 0),
    ("after_copies_stored", 0),
    ("after_copies_done", 0),
    ("after_original_removed", 4),
]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    root = tmp_path / "root"
    root.mkdir()
    found = Archive(root)
    found.spool.mkdir(parents=True)
    (found.spool / "rejected").mkdir()
    return found


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path / "card", pictures=PICTURES, duplicates=3, broken=2)


def killed_at(point: str, passes: int, archive: Archive, card: Path) -> int:
    return exit_status("organizing_process", point, passes, archive.camera.id, card, "move")


def organize(archive: Archive, card: Path) -> dict[str, object]:
    arguments = {"camera": str(archive.camera.id), "folder": str(card), "time_zone": "UTC", "move": True}
    return organize_folder(JobContext("job-1", arguments, None, "ada", lambda message: None), lambda file: None)


def hashes(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("point", ["after_copy", "after_copies_placed", "after_copies_stored"])
def test_without_another_job_the_jobs_part_clears_what_was_left(archive: Archive, card: Path, point: str) -> None:
    assert killed_at(point, 0, archive, card) == KILLED
    CopyRecovery("main").run()
    assert archive.inconsistencies() == []
    assert [path.name for path in (archive.folder / ".organize").iterdir()] == [".lock"]


@pytest.mark.parametrize(("point", "passes"), POINTS)
def test_the_next_attempt_finishes_what_a_kill_interrupted(
    archive: Archive, card: Path, point: str, passes: int
) -> None:
    assert PICTURES < BATCH_FILES
    contents = hashes(card)
    assert killed_at(point, passes, archive, card) == KILLED
    assert hashes(card) | hashes(archive.folder / "captures") >= contents
    result = organize(archive, card)
    assert archive.inconsistencies() == []
    assert result["captures"] == Capture.objects.count() == PICTURES
    assert CaptureFile.objects.values("sha256").distinct().count() == PICTURES
    assert result["reasons"] == {"broken": 2, "duplicate": 3}
    assert len([path for path in card.rglob("*") if path.is_file()]) == 5
    assert [path.name for path in (archive.folder / ".organize").iterdir()] == [".lock"]
    assert Event.objects.filter(kind="capture.adopted").count() == 1
