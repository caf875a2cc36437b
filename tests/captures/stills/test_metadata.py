"""EXIF and XMP of encoded pictures, read by exiftool; and every bit of their pixels, read by OpenCV."""

from __future__ import annotations

import json
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import Exposure, Identity
from cameras.runtime.file_formats import KEEP_FORMATS
from captures.stills.facts import facts_of
from captures.stills.formats import FORMATS, coordinate, encode_jpeg, sexagesimal, xmp_of
from tests.harness.rows.stills import CLOCK, FACTS, SHAPES, picture, write_still

PICTURES = pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])


def metadata(path: Path) -> dict[str, Any]:
    """Group and tag -> value, numbers as they are stored."""
    read = subprocess.run(["exiftool", "-json", "-G1", "-n", path], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(read.stdout)[0]
    return found


def test_each_format_of_the_table_can_be_written() -> None:
    assert FORMATS.keys() == KEEP_FORMATS.keys()


@PICTURES
def test_exif_has_camera_exposure_time_and_site(tmp_path: Path, kind: str) -> None:
    found = metadata(write_still(tmp_path, kind, picture("colour 8")))
    assert found["IFD0:Make"] == "Nikon"
    assert found["IFD0:Model"] == "Z 9"
    assert found["IFD0:Software"] == "Skycam 0.1.0"
    assert found["ExifIFD:SerialNumber"] in (6001234, "6001234")
    assert (found["ExifIFD:ExposureTime"], found["ExifIFD:FNumber"], found["ExifIFD:ISO"]) == (8, 1.4, 1600)
    assert found["Composite:SubSecDateTimeOriginal"] == "2027:01:15 20:00:00.123+00:00"
    assert found["Composite:GPSLatitude"] == pytest.approx(-33.45, abs=1e-7)
    assert found["Composite:GPSLongitude"] == pytest.approx(-70.66, abs=1e-7)
    assert found["Composite:GPSAltitude"] == 2400
    assert json.loads(found["ExifIFD:UserComment"])["gain"] == 2.5


@pytest.mark.parametrize(
    ("latitude", "longitude", "directions"),
    [(48.1, 11.6, "NE"), (31.9, -111.6, "NW"), (-31.3, 149.1, "SE"), (-33.45, -70.66, "SW")],
)
def test_a_site_is_in_its_quarter_of_the_earth(
    tmp_path: Path, latitude: float, longitude: float, directions: str
) -> None:
    found = metadata(write_still(tmp_path, "jpeg", picture("mono 8"), latitude=latitude, longitude=longitude))
    assert found["GPS:GPSLatitudeRef"] + found["GPS:GPSLongitudeRef"] == directions
    place = pytest.approx((latitude, longitude), abs=1e-6)
    assert (found["Composite:GPSLatitude"], found["Composite:GPSLongitude"]) == place
    assert (found["XMP-exif:GPSLatitude"], found["XMP-exif:GPSLongitude"]) == place


@PICTURES
def test_xmp_has_what_exif_has_no_tag_for(tmp_path: Path, kind: str) -> None:
    found = metadata(write_still(tmp_path, kind, picture("colour 8"), simulated=True, serial="Größe <7>"))
    assert found["XMP-xmp:CreatorTool"] == "Skycam 0.1.0"
    assert found["XMP-exifEX:SerialNumber"] == "Größe <7>"
    assert found["XMP-exifEX:PhotographicSensitivity"] == 1600
    assert found["XMP-skycam:Gain"] == 2.5
    assert found["XMP-skycam:Simulated"] in (True, "True")
    assert found["XMP-skycam:Clock"] == "synchronised"
    assert found["XMP-skycam:ClockOffsetSeconds"] == 0.000125
    assert found["XMP-skycam:ClockJumpedSeconds"] == 0
    assert found["XMP-skycam:Capture"] == FACTS.capture


@PICTURES
def test_without_a_site_there_is_no_place(tmp_path: Path, kind: str) -> None:
    found = metadata(write_still(tmp_path, kind, picture("mono 8"), latitude=None))
    assert [name for name in found if "GPSL" in name] == []


@pytest.mark.parametrize("form", SHAPES)
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_every_pixel_is_kept(tmp_path: Path, kind: str, form: str) -> None:
    image = picture(form)
    found = cv2.imread(str(write_still(tmp_path, kind, image)), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found[..., ::-1] if image.ndim == 3 else found, image)


def test_a_jpeg_has_the_upper_byte_of_16_bits(tmp_path: Path) -> None:
    found = cv2.imread(str(write_still(tmp_path, "jpeg", np.full((16, 16), 0x80FF, np.uint16))), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert set(found.ravel()) == {0x80}


def test_a_jpeg_of_16_bits_takes_no_more_memory_than_its_frame() -> None:
    image = np.zeros((1000, 1500, 3), np.uint16)
    tracemalloc.start()
    encode_jpeg(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * image.nbytes


def test_a_number_that_is_none_is_left_out() -> None:
    exposure = Exposure(0, 1, actual={"gain": float("nan"), "iso": float("inf")}, temperature_celsius=float("nan"))
    plan: Any = {"id": "an-id", "slug": "dome"}
    facts = facts_of(plan, exposure, Identity(serial="a\x00b"), CLOCK, {"latitude": None})
    assert (facts.gain, facts.iso, facts.temperature_celsius, facts.latitude) == (None, None, None, None)
    assert facts.serial == "a b"
    assert b"Gain" not in xmp_of(facts)


@given(st.floats(-180, 180))
def test_degrees_minutes_and_seconds_are_the_place(degrees: float) -> None:
    whole, minutes, seconds = map(float, sexagesimal(degrees))
    assert minutes < 60
    assert seconds < 60
    assert whole + minutes / 60 + seconds / 3600 == pytest.approx(abs(degrees), abs=1e-7)


@given(st.floats(-90, 90))
def test_xmp_has_degrees_and_minutes(degrees: float) -> None:
    text = coordinate(degrees, "NS")
    whole, _, minutes = text[:-1].partition(",")
    assert int(whole) + float(minutes) / 60 == pytest.approx(abs(degrees), abs=1e-7)
