"""Masks: from pictures, as text, as a grid."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cameras.exposure import settings
from cameras.exposure.settings import InvalidMask, check_mask, mask_from_image, mask_grid


def file_of(image: Any, form: str = "PNG") -> io.BytesIO:
    content = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(content, form)
    return io.BytesIO(content.getvalue())


def horizon(width: int = 640, height: int = 480, white: int = 255) -> Any:
    """White above the middle."""
    image = np.zeros((height, width), np.uint8)
    image[: height // 2] = white
    return image


def upper_half() -> Any:
    grid = np.zeros((64, 64), np.bool_)
    grid[:32] = True
    return grid


def transparent_below() -> Image.Image:
    return Image.fromarray(np.dstack([np.full((480, 640, 3), 255, np.uint8), horizon()]), "RGBA")


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (horizon(), "PNG"),
        (horizon(), "JPEG"),
        (horizon(), "TIFF"),
        (horizon(64, 64), "PNG"),
        (horizon(4, 2), "PNG"),
        (horizon(white=130), "PNG"),
        (horizon().astype(np.uint16) * 257, "PNG"),
        (Image.fromarray(horizon()).convert("1"), "PNG"),
        (Image.fromarray(horizon()).convert("P"), "PNG"),
        (Image.fromarray(horizon()).convert("RGB"), "PNG"),
    ],
)
def test_the_white_part_of_a_picture_is_measured(image: Any, form: str) -> None:
    text = mask_from_image(file_of(image, form))
    assert np.array_equal(mask_grid(text), upper_half())


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_a_transparent_part_is_not_measured() -> None:
    assert np.array_equal(mask_grid(mask_from_image(file_of(transparent_below()))), upper_half())


def test_grey_below_half_is_not_measured() -> None:
    dark = horizon().astype(np.uint16) * 257
    dark[240:] = 127 * 257
    assert np.array_equal(mask_grid(mask_from_image(file_of(dark))), upper_half())


@given(st.binary(min_size=512, max_size=512).filter(any))
def test_any_bits_become_a_grid_and_back(cells: bytes) -> None:
    text = base64.b64encode(cells).decode()
    assert len(check_mask(text)) == 684
    assert np.packbits(mask_grid(text)).tobytes() == cells


@given(st.text(max_size=700) | st.binary(max_size=600).map(lambda cells: base64.b64encode(cells).decode()))
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^The mask .*\.$"):
        check_mask(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A" * 683 + "=", "measures nothing"),
        ("-" * 684, "not base64"),
        ("é" * 684, "not base64"),
        ("AAAA", "has 4 characters"),
    ],
)
def test_a_damaged_text_is_refused_with_its_reason(text: str, sentence: str) -> None:
    with pytest.raises(InvalidMask, match=sentence):
        check_mask(text)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (file_of(np.zeros((8, 8), np.uint8)), "measures nothing"),
        (io.BytesIO(b""), "not a picture"),
        (io.BytesIO(b"GIF89a" + bytes(50)), "not a picture"),
        (file_of(horizon(), "GIF"), "not a picture"),
        (io.BytesIO(file_of(horizon()).getvalue()[:300]), "cannot be decoded"),
        (io.BytesIO(file_of(horizon(), "JPEG").getvalue()[:700]), "cannot be decoded"),
    ],
)
def test_a_picture_that_is_no_mask_is_refused_with_its_reason(file: io.BytesIO, sentence: str) -> None:
    with pytest.raises(InvalidMask, match=sentence):
        mask_from_image(file)


def test_pictures_that_are_too_large_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_PIXELS", 1000)
    with pytest.raises(InvalidMask, match="640 x 480 pixels; the limit is 1000"):
        mask_from_image(file_of(horizon()))
    monkeypatch.setattr(settings, "MAX_BYTES", 10)
    with pytest.raises(InvalidMask, match="A smaller picture is enough"):
        mask_from_image(file_of(horizon()))
