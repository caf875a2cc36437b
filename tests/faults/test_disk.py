"""The disk of a camera process: full, unmounted, read-only, locked by another process, or replaced."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.spool.durable import FolderLock, RootFiles
from cameras.spool.spool import Spool, open_spool_folder, slot_names
from cameras.spool.storage import MARKER
from captures.roots.roots import UnusableRoot, ensure_default_root
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.disks.small_disk import SmallDisk, mount
from tests.harness.waiting import eventually

CAMERA = "0193a000-0000-7000-8000-000000000001"
SESSION = "0193a000-0000-7000-8000-000000000003"
SMALL = {"exposure_us": 1000, "width": 320, "height": 240}
LONG = 600_000_000
"""An exposure that no test waits for, in microseconds."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


@pytest.fixture
def process(disk: SmallDisk) -> Iterator[CameraProcess]:
    with CameraProcess(disk.path, settings=SMALL) as process:
        process.wait_for_type("observed", observed="ready")
        yield process


def slots(process: CameraProcess) -> int:
    return len(list(process.spool.glob("slot-*")))


def ingested(process: CameraProcess, capture: str) -> dict[str, Any]:
    """The body of a capture's record, which is then removed as by the ingest."""
    process.wait_for_type("spooled", id=capture)
    body = process.done()[capture]["body"]
    (process.spool / f"{capture}.done").unlink()
    return body  # type: ignore[no-any-return]


def test_a_full_disk_is_recorded_and_captures_go_on_when_there_is_room(disk: SmallDisk, process: CameraProcess) -> None:
    disk.fill()
    failed = ingested(process, process.capture())
    assert failed["outcome"] == "failed"
    assert failed["reason"] == "disk_full"
    assert "Free some space" in failed["message"]
    disk.empty()
    assert ingested(process, process.capture())["outcome"] == "saved"


def test_a_hundred_captures_on_a_full_disk_all_have_an_outcome(disk: SmallDisk, process: CameraProcess) -> None:
    disk.fill()
    outcomes = [ingested(process, process.capture())["reason"] for _ in range(100)]
    assert outcomes == ["disk_full"] * 100
    assert process.process.poll() is None


def test_fifty_records_fit_into_the_slots_of_a_full_disk_while_nothing_is_ingested(
    disk: SmallDisk, process: CameraProcess
) -> None:
    disk.fill()
    captures = [process.capture() for _ in range(50)]
    process.wait_for_type("spooled", id=captures[-1])
    assert [process.done()[capture]["body"]["reason"] for capture in captures] == ["disk_full"] * 50


def test_used_slots_are_created_again(disk: SmallDisk, process: CameraProcess) -> None:
    disk.fill()
    ingested(process, process.capture())
    assert slots(process) < len(slot_names())
    disk.empty()
    process.finish()
    with CameraProcess(disk.path) as next_one:
        next_one.wait_for_type("recovered")
        assert slots(next_one) == len(slot_names())


def test_threads_that_write_on_a_full_disk_never_fill_the_same_slot(disk: SmallDisk) -> None:
    files = RootFiles(str(disk.path))
    open_spool_folder(files, CAMERA)
    spool = Spool(files, CAMERA)
    spool.refill_slots()
    disk.fill()
    records: list[Any] = [{"id": str(uuid6.uuid7())} for _ in range(60)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(spool.commit, records))
    assert [spool.read(f"{record['id']}.json") for record in records] == records


def test_a_session_on_a_full_disk_goes_on_and_its_ledger_adds_up(disk: SmallDisk, process: CameraProcess) -> None:
    disk.fill()
    process.wait_for_type("answer", command_id=process.start_session(SESSION, cadence_s=0.1, count=10))
    process.wait_for_state(lambda state: not state["session"] and state["observed"] == "ready")
    outcomes = [record["body"]["outcome"] for record in process.done().values() if record["kind"] == "capture"]
    gaps = sum(record["body"]["count"] for record in process.done().values() if record["kind"] == "gap")
    assert set(outcomes) == {"failed"}
    assert len(outcomes) + gaps == 10


def test_nothing_is_written_under_a_root_that_was_unmounted(disk: SmallDisk, process: CameraProcess) -> None:
    disk.unmount()
    refused = process.wait_for_type("answer", command_id=command_of(process, process.capture()))
    assert refused["unstarted"] is True
    assert refused["reason"] == "root_missing"
    assert os.listdir(disk.path) == []


def test_captures_go_on_when_the_root_is_back_and_the_state_says_so(disk: SmallDisk, process: CameraProcess) -> None:
    disk.unmount()
    process.capture()
    process.wait_for_type("observed", code="root_missing")
    disk.mount()
    process.wait_for_type("observed", observed="ready")
    assert ingested(process, process.capture())["outcome"] == "saved"


def test_the_exposure_that_an_unmounting_interrupted_is_settled_once_the_root_is_back(
    disk: SmallDisk, process: CameraProcess
) -> None:
    capture = process.capture(exposure_us=LONG)
    eventually(lambda: list(process.spool.glob("*.plan")), "the exposure")
    disk.unmount()
    process.send("abort", reason="interrupted")
    process.wait_for_type("observed", code="root_missing")
    assert os.listdir(disk.path) == []
    disk.mount()
    assert process.wait_for_type("recovered")["interrupted"] == [capture]


def reasons_of_gaps(process: CameraProcess) -> set[str]:
    return {record["body"]["reason"] for record in process.done().values() if record["kind"] == "gap"}


def test_the_captures_that_a_session_missed_without_its_root_are_a_gap_with_the_reason(
    disk: SmallDisk, process: CameraProcess
) -> None:
    process.start_session(SESSION, cadence_s=0.05)
    process.wait_for_type("spooled")
    disk.unmount()
    process.wait_for_type("observed", code="root_missing")
    disk.mount()
    process.wait_for_type("recovered")
    process.wait_for_message(lambda _: "root_missing" in reasons_of_gaps(process))
    assert reasons_of_gaps(process) <= {"root_missing", "overrun"}


def test_a_stop_while_the_root_is_away_is_applied_when_it_is_back(disk: SmallDisk, process: CameraProcess) -> None:
    process.start_session(SESSION, cadence_s=60)
    process.wait_for_message(lambda m: m["type"] == "state" and m["session"] and m["session"]["saved"] == 1)
    disk.unmount()
    process.capture()
    process.wait_for_type("observed", code="root_missing")
    refused = process.start_session(SESSION, 2, "stopped", cadence_s=60)
    process.wait_for_type("answer", command_id=refused)
    disk.mount()
    process.wait_for_message(lambda m: m["type"] == "state" and m["session"] is None and m["observed"] == "ready")


def test_another_disk_at_the_same_place_is_not_written(disk: SmallDisk, process: CameraProcess) -> None:
    (disk.kept / MARKER).write_text(str(uuid6.uuid7()))
    refused = process.wait_for_type("answer", command_id=command_of(process, process.capture()))
    assert refused["reason"] == "root_missing"
    assert process.done() == {}


def test_a_disk_on_which_every_write_fails_ends_nothing_and_captures_go_on_afterwards(process: CameraProcess) -> None:
    hard = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    process.capture()
    process.wait_for_type("log", kind="storage.failed")
    process.wait_for_type("recovered")
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert ingested(process, process.capture())["outcome"] == "saved"


def test_a_link_in_place_of_the_days_folder_is_not_followed(disk: SmallDisk, process: CameraProcess) -> None:
    ingested(process, process.capture())
    [day] = disk.path.glob("captures/sim/*/*/*")
    elsewhere = disk.path / "elsewhere"
    day.rename(elsewhere)
    day.symlink_to(elsewhere)
    failed = ingested(process, process.capture())
    assert failed["reason"] == "write_error"
    assert len(list((elsewhere / "raw").iterdir())) == 1


def test_captures_go_on_after_the_lock_file_was_deleted(process: CameraProcess) -> None:
    (process.spool / ".lock").unlink()
    assert ingested(process, process.capture())["outcome"] == "saved"
    assert lock(process) is None


def test_a_process_that_lost_its_lock_writes_nothing(process: CameraProcess) -> None:
    (process.spool / ".lock").unlink()
    other = lock(process)
    assert other is not None
    process.capture()
    process.wait_for_type("observed", observed="reconnecting")
    assert process.done() == {}
    other.release()
    process.wait_for_type("recovered")
    assert ingested(process, process.capture())["outcome"] == "saved"


def lock(process: CameraProcess) -> FolderLock | None:
    """The spool's lock; None while another process holds it."""
    files = RootFiles(str(process.root))
    taken_lock = FolderLock(files, f".spool/{process.camera}")
    return taken_lock if taken_lock.acquire() else None


@pytest.mark.django_db
def test_an_archive_on_another_mount_than_its_spool_is_refused(disk: SmallDisk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (disk.path / "captures").mkdir()
    mount("--bind", other, disk.path / "captures")
    with pytest.raises(UnusableRoot, match="file system"):
        ensure_default_root(disk.path)


def command_of(process: CameraProcess, capture: str) -> str:
    return process.commands[capture]


@pytest.mark.django_db
def test_a_known_root_whose_archive_was_mounted_elsewhere_is_refused_at_the_next_start(
    disk: SmallDisk, tmp_path: Path
) -> None:
    ensure_default_root(disk.path)
    other = tmp_path / "other"
    other.mkdir()
    mount("--bind", other, disk.path / "captures")
    with pytest.raises(UnusableRoot, match="file system"):
        ensure_default_root(disk.path)


@pytest.mark.django_db
def test_a_known_root_that_is_not_mounted_is_left_alone_at_the_start(disk: SmallDisk) -> None:
    known = ensure_default_root(disk.path)
    disk.unmount()
    assert str(ensure_default_root(disk.path).pk) == str(known.pk)
    assert os.listdir(disk.path) == []
