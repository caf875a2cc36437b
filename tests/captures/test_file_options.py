"""Captures whose file has a requested name and quality, made by a camera process."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uuid6
from PIL import Image

from cameras.spool.records import Plan
from cameras.spool.spool import Spool
from captures.stills.writer import distinct_endings, free_path
from scheduler.telescope.driver.running_exposure import SharedFile
from tests.harness.camera_processes.camera_process import CameraProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CameraProcess]:
    with CameraProcess(tmp_path) as process:
        process.wait_for_type("observed", observed="ready")
        yield process


def take_capture(process: CameraProcess, **options: Any) -> Path:
    capture = str(uuid6.uuid7())
    request = {"planned": "2026-01-01T00:00:00Z", "asked": {"exposure_us": 1000}, "requested_by": "tester", "job": ""}
    process.send("capture", id=capture, file=options, **request)
    process.wait_for_type("spooled", id=capture)
    return next(process.root.glob(f"captures/sim/*/*/*/raw/{options['name']}_*.jpg"))


def quantization(path: Path) -> Any:
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return image.quantization  # type: ignore[attr-defined]


def test_a_file_is_named_by_the_request_and_the_time(process: CameraProcess) -> None:
    path = take_capture(process, name="capture", jpeg_quality=95)
    assert re.fullmatch(r"capture_\d{8}_\d{6}_\d{3}\.jpg", path.name)


def test_the_jpeg_has_the_requested_quality(process: CameraProcess) -> None:
    fine, coarse = (
        take_capture(process, name=name, jpeg_quality=quality) for name, quality in (("fine", 95), ("coarse", 40))
    )
    assert quantization(fine)[0][0] < quantization(coarse)[0][0]


def test_the_id_is_added_to_a_name_that_exists(tmp_path: Path) -> None:
    """A clock that is set back passes the same millisecond again."""

    class ExistingFile:
        def size(self, folder: str, name: str) -> int | None:
            return 5 if (folder, name) == ("a/b", "capture_1.jpg") else None

    plan: Plan = {"id": "the-id", "path": "a/b/capture_1", "file": {"name": "capture", "jpeg_quality": 95}}  # type: ignore[typeddict-item]
    spool = Spool(ExistingFile(), "0193a000-0000-7000-8000-00000000000c")  # type: ignore[arg-type]
    assert free_path(spool, plan, ".jpg") == "a/b/capture_1_the-id.jpg"
    assert free_path(spool, plan, ".nef") == "a/b/capture_1.nef"


def test_the_files_of_a_mosaic_have_different_names() -> None:
    files = [
        SharedFile(f"/mosaic/C{number}.fits", kind, 2880) for number, kind in enumerate(["fits", "fits2", "fits3"])
    ]
    assert distinct_endings(files) == [".fits", "_fits2.fits", "_fits3.fits"]
