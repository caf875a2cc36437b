"""The frames of a session, read back from its JPEGs: none is lost, doubled or swapped."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from cameras.drivers.simulated.codec import read_frame_number
from tests.harness.camera_processes.camera_process import CameraProcess

pytestmark = pytest.mark.slow

SESSION = "0193a000-0000-7000-8000-000000000003"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CameraProcess]:
    """A camera that has run a session of a hundred captures."""
    settings = {"exposure_us": 1000, "width": 320, "height": 240}
    with CameraProcess(tmp_path_factory.mktemp("root"), settings=settings) as process:
        process.start_session(SESSION, cadence_s=0.04, count=100)
        process.wait_for_message(lambda m: m["type"] == "state" and bool(m["last_capture"]) and m["session"] is None)
        yield process


def saved(process: CameraProcess) -> list[dict[str, Any]]:
    records = [record for record in process.done().values() if record["kind"] == "capture"]
    return sorted(records, key=lambda record: int(record["body"]["index"]))


def picture(process: CameraProcess, record: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO((process.root / record["files"][0]["path"]).read_bytes()))


def numbers(process: CameraProcess) -> list[int | None]:
    return [read_frame_number(np.asarray(picture(process, record))) for record in saved(process)]


def test_each_capture_has_its_own_frame(process: CameraProcess) -> None:
    found = numbers(process)
    assert found == list(range(len(found)))


def test_captures_and_gaps_add_up_to_the_planned_hundred(process: CameraProcess) -> None:
    missed = sum(record["body"]["count"] for record in process.done().values() if record["kind"] == "gap")
    assert len(saved(process)) + missed == 100


def test_the_order_of_the_indices_is_the_order_of_the_exposures(process: CameraProcess) -> None:
    started = [record["body"]["started"] for record in saved(process)]
    assert started == sorted(started)


def test_the_metadata_has_the_simulation_and_the_captures_id(process: CameraProcess) -> None:
    record = saved(process)[0]
    exif = picture(process, record).getexif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert exif[ExifTags.Base.ImageDescription] == "SIMULATED picture"
    note = json.loads(bytes(details[ExifTags.Base.UserComment])[8:])
    assert {"capture": record["id"], "camera": "sim", "simulated": True}.items() <= note.items()
    assert details[ExifTags.Base.ExposureTime] == 0.001
