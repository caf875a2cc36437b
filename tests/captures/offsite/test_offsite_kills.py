"""The job `offsite` killed at each of its failpoints: the next one leaves each file verified once, and no parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from captures.models import Clip, Destination
from captures.storage.offsite.queue import queue_new_files
from tests.harness.kills.killed_job import KILLED, exit_status
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


def killed_at(point: str, passes: int, destination: Destination) -> int:
    queue_new_files(destination, "main")
    return exit_status("offsite_process", point, passes, destination.pk)


@pytest.mark.parametrize(("point", "passes"), POINTS)
def test_after_a_kill_the_next_job_finishes(
    folder_copies: Destination, clips: list[Clip], copies_folder: Path, point: str, passes: int
) -> None:
    assert killed_at(point, passes, folder_copies) == KILLED
    send(folder_copies)
    assert states(folder_copies) == ["verified"] * 3
    files = {str(path.relative_to(copies_folder)) for path in copies_folder.rglob("*.*") if path.is_file()}
    assert files == {".skycam-offsite", *(copy.key for copy in copies(folder_copies))}
    assert events() == []


def test_a_file_that_was_placed_before_the_kill_is_not_sent_again(
    folder_copies: Destination, clips: list[Clip], copies_folder: Path
) -> None:
    assert killed_at("after_copy_placed", 0, folder_copies) == KILLED
    [first, *_] = copies(folder_copies)
    placed = Path(copies_folder, first.key).stat().st_ino
    send(folder_copies)
    assert Path(copies_folder, first.key).stat().st_ino == placed
