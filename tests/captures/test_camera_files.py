"""A camera's own files, RAW and JPEG: stored unchanged, and kept when another file is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cameras.drivers.base import CameraError
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.far_ends.scripted_camera import JPEG, OwnFile, exposure
from tests.harness.waiting import eventually

RAW = b"II*\0" + bytes(range(256)) * 40


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(tmp_path) as bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


def raw(*, breaks_off: bool = False) -> OwnFile:
    return OwnFile("raw", ".nef", RAW, breaks_off=breaks_off)


def jpeg(*, breaks_off: bool = False) -> OwnFile:
    return OwnFile("jpeg", ".jpg", JPEG, breaks_off=breaks_off)


def archived(bench: CameraLoopBench) -> dict[str, bytes]:
    return {path.suffix: path.read_bytes() for path in (bench.root / "captures").rglob("*") if path.is_file()}


def test_both_files_are_kept_byte_for_byte_with_their_hashes(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[raw(), jpeg()]))
    record = bench.outcome(bench.capture())
    assert archived(bench) == {".nef": RAW, ".jpg": JPEG}
    hashes = [hashlib.sha256(RAW).hexdigest(), hashlib.sha256(JPEG).hexdigest()]
    assert [file["sha256"] for file in record["files"]] == hashes


def test_when_a_kind_is_missing_the_other_is_kept_and_listed(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[raw()], missing=["jpeg"]))
    record = bench.outcome(bench.capture())
    assert record["outcome"] == "failed"
    assert record["reason"] == "incomplete"
    assert [file["kind"] for file in record["files"]] == ["raw"]
    assert archived(bench) == {".nef": RAW}


def test_when_the_second_file_breaks_off_the_first_is_kept(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[raw(), jpeg(breaks_off=True)]))
    record = bench.outcome(bench.capture())
    assert record["outcome"] == "failed"
    assert record["reason"] == "incomplete"
    assert [file["kind"] for file in record["files"]] == ["raw"]
    assert archived(bench) == {".nef": RAW}
    assert record["warnings"] == ["The camera disconnected while its file was read."]


def test_when_the_first_file_breaks_off_the_second_is_kept(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[raw(breaks_off=True), jpeg()]))
    record = bench.outcome(bench.capture())
    assert record["reason"] == "incomplete"
    assert [file["kind"] for file in record["files"]] == ["jpeg"]


def test_a_capture_without_any_file_has_the_cameras_reason(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[jpeg(breaks_off=True)]))
    record = bench.outcome(bench.capture())
    assert record["reason"] == "camera_unreachable"
    assert record["files"] == []
    assert archived(bench) == {}


def test_no_part_is_left_in_the_spool_when_a_file_breaks_off(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[raw(), jpeg(breaks_off=True)]))
    bench.outcome(bench.capture())
    assert list(bench.spool.glob("*.part")) + list(bench.spool.glob("*.plan")) == []


def test_the_card_is_cleared_after_the_picture_is_safe(bench: CameraLoopBench) -> None:
    safe = []
    bench.camera.delete_from_card = lambda exposure, deadline: safe.append(len(list(bench.spool.glob("*.done"))))  # type: ignore[method-assign]
    bench.camera.next.append(exposure(files=[raw()], card=["IMG_1.NEF"]))
    bench.capture()
    eventually(lambda: bool(safe))
    assert safe == [1]


def test_the_card_keeps_a_picture_with_a_missing_file(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(files=[raw()], missing=["jpeg"], card=["IMG_1"]))
    bench.camera.next.append(exposure(files=[raw(), jpeg()], card=["IMG_2"]))
    bench.capture()
    bench.capture()
    eventually(lambda: bool(bench.camera.forgotten))
    assert bench.camera.forgotten == ["IMG_2"]


def test_a_capture_is_saved_when_the_card_cannot_be_cleared(bench: CameraLoopBench) -> None:
    def refuse(exposure: object, deadline: float) -> None:
        raise CameraError("The card is locked. Unlock it.")

    bench.camera.delete_from_card = refuse  # type: ignore[method-assign]
    bench.camera.next.append(exposure(files=[raw()], card=["IMG_1"]))
    assert bench.outcome(bench.capture())["outcome"] == "saved"
    assert bench.outcome(bench.capture())["outcome"] == "saved"
