"""Copies in a folder: verified by reading them back, and only while the folder is the one that was tested."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from cameras.spool.storage import make_root
from captures.models import Clip, Destination, StorageRoot
from captures.storage.offsite.destinations.port import CopyMissing, WrongChecksum
from captures.storage.offsite.queue import queue_new_files
from captures.storage.stored_files import FILE_TABLES
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clips import STARTED, clip_of
from tests.harness.rows.offsite import (
    copies,
    destination,
    events,
    folder_destination,
    make_due,
    open_alerts,
    probe,
    restore,
    send,
    states,
)

pytestmark = pytest.mark.django_db
OTHER_ROOT = "0193a000-0000-7000-8000-0000000000bb"


def copy_of(destination: Destination) -> Path:
    [copy] = copies(destination)
    return Path(destination.settings["path"], copy.key)


def test_a_clip_and_a_picture_are_copied_and_read_back(
    folder_copies: Destination, clip: Clip, camera: Camera, root: StorageRoot
) -> None:
    file_of(saved(camera), root)
    assert send(folder_copies)["files"] == 2
    assert [copy.verified_by for copy in copies(folder_copies)] == ["read_back", "read_back"]
    assert events() == []


def test_the_copy_has_the_bytes_of_the_file(folder_copies: Destination, clip: Clip) -> None:
    send(folder_copies)
    assert copy_of(folder_copies).read_bytes() == Path(clip.root.path, clip.path).read_bytes()
    assert [path.name for path in copy_of(folder_copies).parent.iterdir()] == [copy_of(folder_copies).name]


def test_a_folder_without_its_marker_is_not_filled(folder_copies: Destination, clip: Clip, copies_folder: Path) -> None:
    (copies_folder / ".skycam-offsite").unlink()
    send(folder_copies)
    assert states(folder_copies) == ["queued"]
    assert "Mount its disk" in folder_copies.hosts.get().error
    assert list(copies_folder.iterdir()) == []


@pytest.fixture
def outside(tmp_path: Path, settings: Any) -> Path:
    """A folder that the configuration does not allow, and a link to it in the folder `allowed`."""
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()
    (allowed / "copies").symlink_to(outside)
    settings.STATION = settings.STATION.model_copy(update={"offsite_roots": [allowed]})
    return outside


def test_a_link_leads_to_no_folder_that_is_not_allowed(outside: Path, tmp_path: Path) -> None:
    made = destination("folder", {"path": str(tmp_path / "allowed" / "copies")})
    assert "add its disk to offsite_roots" in probe(made)["said"][0]
    assert list(outside.iterdir()) == []


def test_nothing_is_sent_to_a_folder_that_is_not_allowed_any_more(
    folder_copies: Destination, clip: Clip, copies_folder: Path, settings: Any
) -> None:
    settings.STATION = settings.STATION.model_copy(update={"offsite_roots": []})
    send(folder_copies)
    assert states(folder_copies) == ["queued"]
    assert "Copies may be in no folder of the host main" in folder_copies.hosts.get().error
    assert [one.name for one in copies_folder.iterdir()] == [".skycam-offsite"]


def test_a_folder_of_another_destination_is_refused(copies_folder: Path, folder_copies: Destination) -> None:
    with pytest.raises(AssertionError):
        folder_destination(copies_folder, name="another")
    assert (
        "If that destination was removed, delete the file" in probe(Destination.objects.get(name="another"))["said"][0]
    )


def test_a_test_does_not_mark_the_folder_under_an_unmounted_disk(folder_copies: Destination, clip: Clip) -> None:
    send(folder_copies)
    Path(folder_copies.settings["path"], ".skycam-offsite").unlink()
    assert not probe(folder_copies)["works"]


def test_a_file_that_differs_from_its_row_waits_for_a_person(folder_copies: Destination, clip: Clip) -> None:
    Path(clip.root.path, clip.path).write_bytes(bytes(clip.bytes))
    send(folder_copies)
    assert states(folder_copies) == ["dead"]
    assert open_alerts() == ["offsite.dead"]
    assert events() == ["offsite.dead"]
    assert not copy_of(folder_copies).exists()


def test_a_missing_file_waits_for_a_person(folder_copies: Destination, clip: Clip) -> None:
    Path(clip.root.path, clip.path).unlink()
    send(folder_copies)
    assert states(folder_copies) == ["dead"]


def test_a_symbolic_link_in_the_place_of_a_file_is_not_followed(
    folder_copies: Destination, clip: Clip, tmp_path: Path
) -> None:
    place = Path(clip.root.path, clip.path)
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    send(folder_copies)
    assert states(folder_copies) == ["dead"]


def test_a_file_that_was_deleted_on_purpose_is_no_dead_letter(folder_copies: Destination, clip: Clip) -> None:
    queue_new_files(folder_copies, "main")
    Path(clip.root.path, clip.path).unlink()
    clip.delete()
    send(folder_copies)
    assert states(folder_copies) == ["gone"]
    assert open_alerts() == []


def test_files_of_a_root_that_is_not_mounted_wait(folder_copies: Destination, clip: Clip) -> None:
    marker = Path(clip.root.path, ".skycam-root")
    marker.rename(marker.with_name("elsewhere"))
    send(folder_copies)
    assert states(folder_copies) == ["queued"]
    marker.with_name("elsewhere").rename(marker)
    make_due(folder_copies)
    send(folder_copies)
    assert states(folder_copies) == ["verified"]


def test_a_job_tries_one_file_of_a_root_that_is_not_mounted(
    folder_copies: Destination, clip: Clip, camera: Camera, root: StorageRoot, tmp_path: Path
) -> None:
    clip_of(camera, root, STARTED + timedelta(minutes=1))
    (tmp_path / "mounted").mkdir()
    make_root(tmp_path / "mounted", OTHER_ROOT)
    mounted = StorageRoot.objects.create(pk=OTHER_ROOT, host="main", path=str(tmp_path / "mounted"))
    clip_of(camera, mounted, STARTED + timedelta(minutes=2))
    Path(root.path, ".skycam-root").unlink()
    send(folder_copies)
    assert states(folder_copies) == ["queued", "queued", "verified"]
    assert [copy.attempts for copy in copies(folder_copies)] == [1, 0, 1]


def test_files_of_a_root_that_cannot_be_opened_wait(
    folder_copies: Destination, clip: Clip, root: StorageRoot, tmp_path: Path
) -> None:
    root.path = str(tmp_path / "no folder")
    root.save()
    Path(root.path).write_bytes(b"")
    send(folder_copies)
    assert states(folder_copies) == ["queued"]
    assert "cannot be opened" in copies(folder_copies)[0].error
    assert open_alerts() == []


def test_a_full_disk_keeps_the_file_in_the_queue(disk: SmallDisk, clip: Clip) -> None:
    destination = folder_destination(disk.path)
    disk.leave(4096)
    send(destination)
    assert states(destination) == ["queued"]
    assert copies(destination)[0].error == "The disk of the folder is full."
    disk.empty()
    make_due(destination)
    send(destination)
    assert states(destination) == ["verified"]


def test_a_part_that_a_power_cut_left_is_replaced(folder_copies: Destination, clip: Clip) -> None:
    send(folder_copies)
    place = copy_of(folder_copies)
    place.unlink()
    part = place.with_name(f".{sha256(place.name.encode()).hexdigest()[:32]}.skycam-part")
    part.write_bytes(bytes(clip.bytes // 2))
    folder_copies.copies.update(state="queued", verified_at=None)
    send(folder_copies)
    assert copy_of(folder_copies).read_bytes() == Path(clip.root.path, clip.path).read_bytes()
    assert events() == []


def test_a_copy_that_is_there_already_is_on_the_disk_before_it_counts(
    folder_copies: Destination, clip: Clip, synced: list[str]
) -> None:
    send(folder_copies)
    folder_copies.copies.update(state="queued", verified_at=None)
    synced.clear()
    send(folder_copies)
    assert states(folder_copies) == ["verified"]
    place = copy_of(folder_copies)
    assert synced[-2:] == [str(place), str(place.parent)]


def test_a_copy_that_is_missing_when_it_is_needed_is_not_verified_any_more(
    folder_copies: Destination, clip: Clip
) -> None:
    send(folder_copies)
    copy_of(folder_copies).unlink()
    with pytest.raises(CopyMissing):
        restore(FILE_TABLES["clips"].of_row(clip))
    assert states(folder_copies) == ["queued"]
    send(folder_copies)
    assert copy_of(folder_copies).exists()


def test_a_copy_that_was_damaged_at_its_destination_does_not_replace_the_file(
    folder_copies: Destination, clip: Clip
) -> None:
    send(folder_copies)
    file = Path(clip.root.path, clip.path)
    whole = file.read_bytes()
    copy_of(folder_copies).write_bytes(bytes(clip.bytes))
    with pytest.raises(WrongChecksum, match="is damaged"):
        restore(FILE_TABLES["clips"].of_row(clip))
    assert file.read_bytes() == whole
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert states(folder_copies) == ["queued"]


def test_the_missing_copy_of_a_deleted_file_stays_known(folder_copies: Destination, clip: Clip) -> None:
    send(folder_copies)
    file = FILE_TABLES["clips"].of_row(clip)
    clip.delete()
    copy_of(folder_copies).unlink()
    with pytest.raises(CopyMissing):
        restore(file)
    assert states(folder_copies) == ["verified"]
