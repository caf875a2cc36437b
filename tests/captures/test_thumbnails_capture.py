"""Thumbnails at capture time: in the camera process, behind the record and in nobody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import Exposure, FrameData
from cameras.runtime.storage import read_marker
from captures.stills.thumbnailer import Saved, Thumbnailer
from captures.stills.thumbnails import SIZES, ThumbnailStore
from tests.api.builders import until
from tests.captures.pictures import dng, gradient, jpeg
from tests.faults.camera_process import CameraProcess


class OwnFile:
    """A picture as a DSLR hands it over; `gate` holds it back."""

    def __init__(self, kind: str, content: bytes, gate: threading.Event | None = None) -> None:
        self.kind, self.suffix, self.size, self._content, self._gate = kind, f".{kind}", len(content), content, gate

    def chunks(self) -> Any:
        if self._gate:
            self._gate.wait(10)
        return iter([memoryview(self._content)])


def saved(number: int, exposure: Exposure) -> Saved:
    kinds = [file.kind for file in exposure.files] or ["jpeg"]
    files = [{"kind": kind, "sha256": f"{number:062x}{place:02x}"} for place, kind in enumerate(kinds)]
    return Saved({"id": str(number), "files": files}, exposure)  # type: ignore[typeddict-item]


def sha(number: int, place: int = 0) -> str:
    return f"{number:062x}{place:02x}"


@pytest.fixture
def thumbnailer(folder: Path) -> Thumbnailer:
    return Thumbnailer(str(folder), str(read_marker(str(folder))))


@pytest.fixture
def complete(folder: Path) -> Callable[[str], bool]:
    def look(sha256: str) -> bool:
        with ThumbnailStore(str(folder)) as store:
            return store.complete(sha256)

    return look


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
def test_what_is_in_memory_is_drawn(
    thumbnailer: Thumbnailer, complete: Callable[[str], bool], exposure: Exposure, place: int
) -> None:
    thumbnailer.take(saved(7, exposure))
    until(lambda: complete(sha(7, place)))


def test_what_comes_too_fast_is_dropped_and_counted_and_the_newest_is_drawn(
    thumbnailer: Thumbnailer, complete: Callable[[str], bool]
) -> None:
    gate = threading.Event()
    thumbnailer.take(saved(0, Exposure(0, 1, files=[OwnFile("jpeg", jpeg(64, 48), gate)])))
    until(lambda: thumbnailer._waiting is None)
    began = time.monotonic()
    [thumbnailer.take(saved(number, of_frame(gradient(64, 48)))) for number in range(1, 51)]
    assert time.monotonic() - began < 5
    gate.set()
    until(lambda: complete(sha(50)))
    assert (thumbnailer.dropped, complete(sha(0)), complete(sha(49))) == (49, True, False)


def test_a_picture_that_cannot_be_drawn_ends_nothing(thumbnailer: Thumbnailer, complete: Callable[[str], bool]) -> None:
    thumbnailer.take(saved(1, Exposure(0, 1, files=[OwnFile("jpeg", b"noise")])))
    until(lambda: thumbnailer.failed == 1)
    thumbnailer.take(saved(2, of_frame(gradient(64, 48))))
    until(lambda: complete(sha(2)))


def test_a_camera_process_leaves_thumbnails_of_what_it_saved(folder: Path) -> None:
    with CameraProcess(folder) as process:
        capture = process.capture()
        process.until_type("spooled", id=capture)
        record = process.done()[capture]
        with ThumbnailStore(str(folder)) as store:
            until(lambda: store.complete(record["files"][0]["sha256"]))
    assert record["body"]["outcome"] == "saved"
    assert len(list(folder.glob(".thumbnails/*/*"))) == len(SIZES)


def test_without_a_place_for_thumbnails_captures_are_saved_all_the_same(folder: Path) -> None:
    (folder / ".thumbnails").write_text("in the way")
    with CameraProcess(folder) as process:
        captures = [process.capture(), process.capture()]
        [process.until_type("spooled", id=capture) for capture in captures]
        outcomes = [process.done()[capture]["body"]["outcome"] for capture in captures]
    assert outcomes == ["saved", "saved"]
