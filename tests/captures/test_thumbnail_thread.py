"""Thumbnails at capture time: in the camera process, after the record, without delaying captures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import Exposure, FrameData
from cameras.spool.storage import read_marker
from captures.thumbnails.store import SIZES, ThumbnailStore
from captures.thumbnails.thread import SavedCapture, ThumbnailThread
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.rows.pictures import dng, gradient, jpeg
from tests.harness.waiting import PATIENCE_S, eventually


class OwnFile:
    """A picture from a DSLR; it sets `is_read` when it is read, and then waits for `gate`."""

    def __init__(self, kind: str, content: bytes, gate: threading.Event | None = None) -> None:
        self.kind, self.suffix, self.size, self._content, self._gate = kind, f".{kind}", len(content), content, gate
        self.is_read = threading.Event()

    def chunks(self) -> Any:
        self.is_read.set()
        if self._gate:
            assert self._gate.wait(PATIENCE_S)
        return iter([memoryview(self._content)])


class BrokenFile(OwnFile):
    def chunks(self) -> Any:
        raise RuntimeError("a defect of the decoder")


def saved(number: int, exposure: Exposure) -> SavedCapture:
    kinds = [file.kind for file in exposure.files] or ["jpeg"]
    files = [{"kind": kind, "sha256": f"{number:062x}{place:02x}"} for place, kind in enumerate(kinds)]
    return SavedCapture({"id": str(number), "files": files}, exposure)  # type: ignore[typeddict-item]


def sha(number: int, place: int = 0) -> str:
    return f"{number:062x}{place:02x}"


@pytest.fixture
def thumbnail_thread(folder: Path) -> ThumbnailThread:
    return ThumbnailThread(str(folder), str(read_marker(str(folder))))


@pytest.fixture
def complete(folder: Path) -> Callable[[str], bool]:
    def has_all_sizes(sha256: str) -> bool:
        with ThumbnailStore(str(folder)) as store:
            return store.has_all_sizes(sha256)

    return has_all_sizes


def of_frame(image: Any) -> Exposure:
    return Exposure(0, 1, frame=FrameData(image, 0, 0.0, 1))


@pytest.mark.parametrize(
    ("exposure", "place"),
    [
        (of_frame(gradient(64, 48)), 0),
        (of_frame(np.zeros((48, 64), np.uint16)), 0),
        (Exposure(0, 1, files=[OwnFile("raw", b"not looked at"), OwnFile("jpeg", jpeg(64, 48))]), 1),
        (Exposure(0, 1, files=[OwnFile("raw", dng(jpeg(64, 48)))]), 0),
    ],
)
def test_thumbnails_are_rendered_from_memory(
    thumbnail_thread: ThumbnailThread, complete: Callable[[str], bool], exposure: Exposure, place: int
) -> None:
    thumbnail_thread.submit_capture(saved(7, exposure))
    eventually(lambda: complete(sha(7, place)))


def test_captures_that_come_too_fast_are_dropped_and_counted_and_the_newest_is_rendered(
    thumbnail_thread: ThumbnailThread, complete: Callable[[str], bool]
) -> None:
    gate = threading.Event()
    slow = OwnFile("jpeg", jpeg(64, 48), gate)
    thumbnail_thread.submit_capture(saved(0, Exposure(0, 1, files=[slow])))
    assert slow.is_read.wait(PATIENCE_S)
    [thumbnail_thread.submit_capture(saved(number, of_frame(gradient(64, 48)))) for number in range(1, 51)]
    gate.set()
    eventually(lambda: complete(sha(50)))
    assert thumbnail_thread.dropped == 49
    assert complete(sha(0)) is True
    assert complete(sha(49)) is False


@pytest.mark.parametrize("file", [OwnFile("jpeg", b"noise"), BrokenFile("jpeg", b"")], ids=["noise", "defect"])
def test_the_thread_survives_a_picture_that_cannot_be_rendered(
    thumbnail_thread: ThumbnailThread, complete: Callable[[str], bool], file: OwnFile
) -> None:
    thumbnail_thread.submit_capture(saved(1, Exposure(0, 1, files=[file])))
    eventually(lambda: thumbnail_thread.failed == 1)
    thumbnail_thread.submit_capture(saved(2, of_frame(gradient(64, 48))))
    eventually(lambda: complete(sha(2)))


def test_a_camera_process_renders_thumbnails_of_its_captures(folder: Path) -> None:
    with CameraProcess(folder) as process:
        capture = process.capture()
        process.wait_for_type("spooled", id=capture)
        record = process.done()[capture]
        with ThumbnailStore(str(folder)) as store:
            eventually(lambda: store.has_all_sizes(record["files"][0]["sha256"]))
    assert record["body"]["outcome"] == "saved"
    assert len(list(folder.glob(".thumbnails/*/*"))) == len(SIZES)


def test_captures_are_saved_when_thumbnails_cannot_be_written(folder: Path) -> None:
    (folder / ".thumbnails").write_text("in the way")
    with CameraProcess(folder) as process:
        captures = [process.capture(), process.capture()]
        [process.wait_for_type("spooled", id=capture) for capture in captures]
        outcomes = [process.done()[capture]["body"]["outcome"] for capture in captures]
    assert outcomes == ["saved", "saved"]
