"""Thumbnails of FITS, PNG and TIFF, drawn from the frame at the capture and from the file later."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from cameras.drivers.base import Exposure, FrameData
from captures.thumbnails import rendering
from captures.thumbnails.rendering import Unreadable, image_from_file, image_from_pixels, stretch
from captures.thumbnails.thread import image_of
from tests.harness.rows.stills import SHAPES, picture, write_still

KINDS = pytest.mark.parametrize("kind", ["png", "tiff", "fits"])


def from_file(path: Path, kind: str) -> Any:
    with path.open("rb") as file:
        return image_from_file(file, kind)


@KINDS
@pytest.mark.parametrize("form", SHAPES)
def test_the_file_gives_the_picture_that_its_frame_gave(tmp_path: Path, kind: str, form: str) -> None:
    image = picture(form)
    drawn = image_of(Exposure(0, 1, frame=FrameData(image, 0, 0.0, 1)), kind)
    np.testing.assert_array_equal(np.asarray(from_file(write_still(tmp_path, kind, image), kind)), np.asarray(drawn))


@pytest.mark.parametrize("form", SHAPES)
def test_a_compressed_file_gives_it_as_well(tmp_path: Path, form: str) -> None:
    image = picture(form)
    found = from_file(write_still(tmp_path, "fits", image, "rice"), "fits")
    np.testing.assert_array_equal(np.asarray(found), np.asarray(image_from_pixels(image)))


def test_the_thumbnail_of_a_jpeg_has_its_upper_bytes() -> None:
    image = picture("mono 16")
    drawn = image_of(Exposure(0, 1, frame=FrameData(image, 0, 0.0, 1)), "jpeg")
    np.testing.assert_array_equal(np.asarray(drawn), image >> 8)


def test_a_dark_picture_of_16_bits_is_stretched() -> None:
    dark = np.random.default_rng(1).normal(800, 30, (500, 700)).astype(np.uint16)
    found = stretch(dark)
    assert (dark >> 8).max() < 4
    assert found.min() == 0
    assert found.max() == 255
    assert 120 < np.median(found) < 240


def test_a_stretch_keeps_the_order_of_the_values() -> None:
    ramp = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    assert (np.diff(stretch(ramp).ravel().astype(int)) >= 0).all()


@KINDS
def test_a_thumbnail_of_a_simulated_file_says_so(tmp_path: Path, kind: str) -> None:
    path = write_still(tmp_path, kind, picture("colour 16"), simulated=True)
    assert from_file(path, kind).info["simulated"] is True


def test_a_picture_of_16_bits_from_another_program_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    done, png = cv2.imencode(".png", np.zeros((30, 50, 3), np.uint16))
    # Behind the signature and the first chunk.
    found = image_from_file(io.BytesIO(png.tobytes()[:33] + chunk + png.tobytes()[33:]), "png")
    assert done
    assert found.size == (30, 50)


def test_a_fits_file_with_its_first_row_at_the_bottom_is_turned(tmp_path: Path) -> None:
    image = picture("mono 8")
    path = write_still(tmp_path, "fits", image)
    content = path.read_bytes().replace(b"'TOP-DOWN'", b"'BOTTOM-U'")
    np.testing.assert_array_equal(np.asarray(image_from_file(io.BytesIO(content), "fits")), image[::-1])


@pytest.mark.parametrize("length", [0, 80, 2880, 5000, 12_000])
@pytest.mark.parametrize("compression", ["none", "rice"])
def test_a_truncated_file_cannot_be_rendered(tmp_path: Path, length: int, compression: str) -> None:
    content = write_still(tmp_path, "fits", picture("mono 16"), compression).read_bytes()[:length]
    with pytest.raises(Unreadable):
        image_from_file(io.BytesIO(content), "fits")


def test_more_pixels_than_the_limit_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MAX_PIXELS", 100)
    with pytest.raises(Unreadable, match="120 x 90 pixels; the limit is 100"):
        from_file(write_still(tmp_path, "fits", picture("mono 8")), "fits")


@pytest.mark.parametrize("content", [b"", b"no picture", b"SIMPLE  =                    T" + b" " * 2850])
def test_what_is_no_fits_file_cannot_be_rendered(content: bytes) -> None:
    with pytest.raises(Unreadable):
        image_from_file(io.BytesIO(content), "fits")
