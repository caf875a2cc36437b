"""Statistics of picture files: of cameras, and hostile ones."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from cameras.drivers.base import Exposure, FrameData
from cameras.exposure import statistics
from cameras.exposure.statistics import (
    FrameStatistics,
    Unmeasurable,
    statistics_of,
    statistics_of_exposure,
    statistics_of_file,
)
from tests.harness.rows.pictures import bare_dng, dng, gradient, jpeg


class PictureFile:
    """A file of a DSLR."""

    def __init__(self, kind: str, content: bytes) -> None:
        self.kind, self.suffix, self.size, self._content = kind, f".{kind}", len(content), content

    def chunks(self) -> Any:
        return iter([self._content[:100], memoryview(self._content)[100:]])


def encoded(image: Any, form: str, **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, form, **options)
    return content.getvalue()


def of(content: bytes, kind: str, mask: Any = None) -> FrameStatistics:
    return statistics_of_file(io.BytesIO(content), kind, mask)


def left_half() -> Any:
    grid = np.zeros((64, 64), np.bool_)
    grid[:, :32] = True
    return grid


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (jpeg(1280, 960), "jpeg"),
        (encoded(gradient(1280, 960), "PNG"), "png"),
        (encoded(gradient(1280, 960), "TIFF"), "tiff"),
        (dng(jpeg(1280, 960)), "raw"),
    ],
    ids=["jpeg", "png", "tiff", "raw"],
)
def test_a_file_has_the_statistics_of_its_picture(content: bytes, kind: str) -> None:
    found, expected = of(content, kind), statistics_of(gradient(1280, 960))
    assert found.mean == pytest.approx(expected.mean, abs=0.01)
    assert found.p99 == pytest.approx(expected.p99, abs=0.02)
    assert found.saturated == pytest.approx(expected.saturated, abs=0.02)


def test_a_png_of_16_bits_is_measured_with_all_of_them() -> None:
    content = encoded(np.full((8, 8), 300 * 16, np.uint16), "PNG")
    assert of(content, "png").mean == pytest.approx(300 / 4095)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    content = encoded(np.full((3000, 4000, 3), 128, np.uint8), "JPEG")
    assert of(content, "jpeg").luma.pixels < 400_000


def darker_dng() -> bytes:
    """`bare_dng` with an eighth of its light."""
    content, pixels = bytearray(bare_dng(64, 48)), slice(8, 8 + 64 * 48 * 2)
    content[pixels] = (np.frombuffer(content[pixels], "<u2") // 8).tobytes()
    return bytes(content)


def test_a_raw_file_without_a_preview_is_developed_without_being_brightened() -> None:
    bright, dark = of(bare_dng(64, 48), "raw"), of(darker_dng(), "raw")
    assert bright.median > 0.5
    assert dark.median < bright.median / 2


def test_the_mask_lies_on_the_upright_picture() -> None:
    lying = np.zeros((100, 200, 3), np.uint8)
    lying[:50] = 255  # the right half of the picture once it is upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = encoded(lying, "JPEG", exif=exif.tobytes())
    assert of(content, "jpeg", left_half()).mean < 0.05
    assert of(dng(encoded(lying, "JPEG"), orientation=6), "raw", left_half()).mean < 0.05


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"noise", "jpeg", "not a picture of the kind 'jpeg'"),
        (encoded(gradient(8, 8), "PNG"), "jpeg", "not a picture of the kind 'jpeg'"),
        (jpeg(640, 480)[:4000], "jpeg", "cannot be decoded"),
        (encoded(gradient(640, 480), "PNG")[:2000], "png", "cannot be decoded"),
        (encoded(gradient(64, 48), "TIFF")[:2000], "tiff", "cannot be decoded"),
        (b"noise" * 100, "raw", "no readable picture"),
        (jpeg(64, 48), "mp4", "Files of the kind 'mp4' cannot be measured"),
        (encoded(np.zeros((4, 4), np.float32), "TIFF"), "tiff", "no full scale"),
    ],
)
def test_damaged_files_are_refused_with_a_sentence(content: bytes, kind: str, sentence: str) -> None:
    with pytest.raises(Unmeasurable, match=sentence):
        of(content, kind)


def test_a_picture_with_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MAX_PIXELS", 100)
    with pytest.raises(Unmeasurable, match="the limit is 100"):
        of(jpeg(64, 48), "jpeg")
    with pytest.raises(Unmeasurable, match="the limit is 100"):
        of(dng(jpeg(64, 48)), "raw")


def test_an_exposure_is_measured_by_its_frame_or_its_fastest_file() -> None:
    frame = FrameData(np.full((8, 8), 51, np.uint8), 0, 0.0, 1)
    files = [PictureFile("raw", b"is not read"), PictureFile("jpeg", jpeg(64, 48))]
    assert statistics_of_exposure(Exposure(0, 1, frame=frame)).mean == pytest.approx(0.2)
    assert statistics_of_exposure(Exposure(0, 1, files=files)).mean == pytest.approx(
        statistics_of(gradient(64, 48)).mean, abs=0.02
    )


def test_an_exposure_without_a_picture_is_refused() -> None:
    with pytest.raises(Unmeasurable, match="neither a frame nor a picture file"):
        statistics_of_exposure(Exposure(0, 1))
