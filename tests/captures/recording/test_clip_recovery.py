"""What a new owner of a spool of clips does, besides repairing clips that were cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import uuid6

from cameras.spool.spool import SLOT_BYTES, slot_names
from cameras.spool.storage import Storage, make_root
from cameras.supervision.ingest import OpenedSpool
from captures.models import Clip
from captures.recordings.recorder.recovery import recover_all
from core.events.models import Event
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.rows.archive import Archive

CAMERA = str(uuid6.uuid7())
ROLLING = {
    "kind": "rolling", "requested_by": "tester", "clip_s": 60.0, "preset": "ultrafast", "crf": 23, "max_kbit_s": 4000,
    "floor_bytes": 0, "rolling_floor_bytes": 0,
}  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    make_root(tmp_path, root := str(uuid6.uuid7()))
    storage = Storage(str(tmp_path), root, CAMERA, "clips")
    yield storage
    storage.close()


def committed(storage: Storage) -> str:
    """A clip of three bytes whose record was written into a slot; its owner was killed before the slot lost its
    name."""
    spool, clip, at = storage.spool, str(uuid6.uuid7()), storage.spool.folder
    part = f"{clip}.clip.part"
    file = {"kind": "clip", "bytes": 3, "sha256": "", "part": part, "path": f"clips/{clip}.mp4", "width": 2}
    record = {"kind": "clip", "id": clip, "camera": "", "slug": "", "root": "", "files": [file], "body": {}}
    storage.files.create(at, part, [b"mp4"])
    spool.refill_slots()
    storage.files.overwrite(at, "slot-00", json.dumps(record).encode().ljust(SLOT_BYTES))
    storage.files.link(at, "slot-00", at, f"{clip}.json")
    return clip


def test_a_slot_that_became_a_record_is_removed(storage: Storage) -> None:
    clip = committed(storage)
    found = recover_all(storage)
    assert found.finalized == [clip]
    assert storage.files.links(storage.spool.folder, f"{clip}.done") == 1


def test_video_without_a_plan_is_set_aside_and_the_next_clip_is_recovered(storage: Storage) -> None:
    orphan = f"{uuid6.uuid7()}.clip.part"
    storage.files.create(storage.spool.folder, orphan, [b"mp4"])
    clip = committed(storage)
    found = recover_all(storage)
    assert len(found.rejected) == 1
    assert found.failed == {}
    assert found.finalized == [clip]
    assert storage.files.names(f"{storage.spool.folder}/rejected") == [orphan]


def test_temporary_files_of_a_killed_owner_are_removed(storage: Storage) -> None:
    storage.files.create(storage.spool.folder, f"tmp-{uuid6.uuid7()}", [b"{"])
    recover_all(storage)
    assert storage.spool.names() == [".lock", "rejected"]


def test_a_recorder_replaces_slots_that_became_records(tmp_path: Path, storage: Storage) -> None:
    clip = committed(storage)
    storage.close()
    with CameraProcess(tmp_path, CAMERA) as process:
        process.wait_for_type("spooled", id=clip, part="clips")
    slots = [path.stat().st_nlink for path in (process.spool / "clips").glob("slot-*")]
    assert slots == [1] * len(slot_names())


def test_a_folder_that_is_briefly_a_link_loses_no_clip(storage: Storage, tmp_path: Path) -> None:
    clip = committed(storage)
    (tmp_path / "clips").symlink_to(tmp_path / ".spool")
    first = recover_all(storage)
    (tmp_path / "clips").unlink()
    second = recover_all(storage)
    assert first.finalized == []
    assert list(first.failed) == [clip]
    assert first.rejected == []
    assert second.finalized == [clip]


@pytest.mark.django_db
def test_the_losses_of_a_clip_whose_process_was_killed_are_unknown(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    clips = archive.desired().of_clips
    with CameraProcess(archive.folder, str(archive.camera.pk), recording=ROLLING) as process:
        process.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 3)
    storage = Storage(clips.root_path, clips.root, clips.id, clips.part)
    recover_all(storage)
    storage.close()
    with OpenedSpool(clips) as ingester:
        [ingester.ingest(record) for record in ingester.waiting_records()]
    [clip], event = Clip.objects.all(), Event.objects.get(kind="recording.lost")
    assert clip.interrupted is True
    assert clip.lost_frames is None
    assert event.data["lost_frames"] is None
    assert "How many frames it lost is unknown." in event.message
