"""A destination that is at another place: its copies count there only once they were compared."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from cameras.models import Camera
from captures.models import Clip, Destination, OffsiteCopy, StorageRoot
from captures.recordings.clips.services import ClipHeld, delete_clip
from captures.storage.offsite import copy_rows, queue
from captures.storage.offsite.destinations.settings import SETTINGS
from captures.storage.offsite.resource import DestinationChange
from captures.storage.offsite.services import change_destination
from captures.storage.offsite.states import CopyState
from tests.harness.rows.clips import STARTED, clip_of
from tests.harness.rows.offsite import copies, send, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def clips(camera: Camera, root: StorageRoot) -> list[Clip]:
    return [clip_of(camera, root, STARTED + timedelta(seconds=10 * number)) for number in range(2)]


@pytest.fixture
def verified(folder_copies: Destination, clips: list[Clip]) -> Destination:
    send(folder_copies)
    assert states(folder_copies) == ["verified", "verified"]
    return folder_copies


def move(destination: Destination, path: Path, *, copies_moved: bool = True) -> Destination:
    wanted = DestinationChange(settings={"path": str(path)}, copies_moved=copies_moved)
    return change_destination(destination, wanted, "ada")


def inodes(path: Path) -> set[int]:
    return {file.stat().st_ino for file in path.rglob("*.mp4")}


def test_another_place_is_refused_while_copies_are_at_the_old_one(verified: Destination, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="copies_moved"):
        move(verified, tmp_path / "other", copies_moved=False)
    assert Destination.objects.get().settings == verified.settings
    assert states(verified) == ["verified", "verified"]


def test_another_place_without_any_copies_is_taken(folder_copies: Destination, tmp_path: Path) -> None:
    moved = move(folder_copies, tmp_path / "other", copies_moved=False)
    assert moved.settings == {"path": str(tmp_path / "other")}


def test_copies_that_were_moved_are_compared_and_not_sent_again(
    verified: Destination, copies_folder: Path, tmp_path: Path
) -> None:
    there = tmp_path / "other"
    shutil.copytree(copies_folder, there)
    before = inodes(there)
    moved = move(verified, there)
    assert states(moved) == ["queued", "queued"]
    send(moved)
    assert states(moved) == ["verified", "verified"]
    assert inodes(there) == before


def test_a_file_stays_here_until_its_copy_is_found_at_the_new_place(
    verified: Destination, clips: list[Clip], tmp_path: Path
) -> None:
    move(verified, tmp_path / "other")
    with pytest.raises(ClipHeld):
        delete_clip(clips[0], "ada")


def test_what_is_not_at_the_new_place_is_sent_there(verified: Destination, copies_folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "other"
    there.mkdir()
    shutil.copy(copies_folder / ".skycam-offsite", there)
    send(move(verified, there))
    assert states(verified) == ["verified", "verified"]
    assert len(inodes(there)) == 2


def test_the_copy_of_a_deleted_file_stays_known(verified: Destination, clips: list[Clip], tmp_path: Path) -> None:
    clips[0].delete()
    move(verified, tmp_path / "other")
    assert states(verified) == ["verified", "queued"]


@pytest.mark.parametrize("claimed_before", [True, False])
def test_what_was_sent_to_the_old_place_does_not_count(
    folder_copies: Destination, clips: list[Clip], tmp_path: Path, claimed_before: bool
) -> None:
    queue.queue_new_files(folder_copies, "main")
    [copy, *_] = copies(folder_copies)
    copy_rows.move(copy, CopyState.QUEUED, CopyState.SENDING, attempts=1)
    moved = move(folder_copies, tmp_path / "other")
    sent = [copy, copy_rows.claim_next(moved, "main")][not claimed_before]
    assert sent is not None
    assert not copy_rows.note_verified(sent, "read_back", folder_copies)
    assert not OffsiteCopy.objects.exclude(state="queued").exclude(verified_at=None).exists()
    assert "verified" not in states(moved)


@pytest.mark.parametrize(
    ("kind", "change", "is_same"),
    [
        ("s3", {"access_key": "B", "region": "eu-1", "path_style": False}, True),
        ("s3", {"bucket": "other"}, False),
        ("s3", {"prefix": "one"}, False),
        ("s3", {"endpoint": "https://t.example.org"}, False),
        ("sftp", {"port": 23}, False),
        ("sftp", {"path": "one"}, False),
    ],
)
def test_the_place_of_a_destination(kind: str, change: dict[str, str], is_same: bool) -> None:
    plain = {
        "s3": {"endpoint": "https://s.example.org", "bucket": "copies", "access_key": "A"},
        "sftp": {"host": "192.168.1.9", "user": "skycam"},
    }[kind]
    before, after = SETTINGS[kind].model_validate(plain), SETTINGS[kind].model_validate(plain | change)
    assert (before.place() == after.place()) is is_same
