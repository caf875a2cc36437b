"""The exposure data in a picture's EXIF, used where the camera did not report it: bulb, automatic ISO."""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from cameras.drivers.base import CameraFile
from cameras.drivers.gphoto2.choices import LONGEST_US

TIFF = (b"II*\0", b"MM\0*", b"IIRO", b"IIU\0")
"""The magic numbers of TIFF-based files: NEF, CR2, ARW, DNG and PEF; ORF; RW2."""
JPEG = b"\xff\xd8"
MALFORMED_EXIF = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, ZeroDivisionError,
           AttributeError, AssertionError, RuntimeError, struct.error,
           Image.DecompressionBombError)  # fmt: skip
"""What Pillow raises for malformed EXIF."""


def read_exif(picture: CameraFile) -> dict[str, Any]:
    """`exposure_us`, `f_number` and `iso` from the beginning of the file; implausible values are left out."""
    try:
        # Pillow warns of each corrupt field, which would fill the log of a session.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The first chunk (1 MiB) suffices: EXIF is at the beginning, and a RAW file need not be copied whole.
            return _read_tags(bytes(next(picture.chunks(), b"")))
    except MALFORMED_EXIF:
        return {}


def _read_tags(head: bytes) -> dict[str, Any]:
    return settings_of(_details(head))


def settings_of(details: Mapping[int, Any]) -> dict[str, Any]:
    """`exposure_us`, `f_number` and `iso` of an EXIF directory. Raises what `MALFORMED_EXIF` names."""
    reported = {
        "exposure_us": _whole(_number(details.get(ExifTags.Base.ExposureTime)) * 1_000_000, LONGEST_US),
        "f_number": _within(round(_number(details.get(ExifTags.Base.FNumber)), 2), 128),
        "iso": _whole(_number(details.get(ExifTags.Base.ISOSpeedRatings)), 10_000_000),
    }
    return {name: value for name, value in reported.items() if value}


def _details(head: bytes) -> dict[int, Any]:
    if head.startswith(JPEG):
        # Only this decoder: Pillow would try all of its formats on bytes that the camera controls.
        with Image.open(io.BytesIO(head), formats=["JPEG"]) as image:
            return image.getexif().get_ifd(ExifTags.IFD.Exif)
    return exif_of_raw(head).get_ifd(ExifTags.IFD.Exif)


def exif_of_raw(head: bytes) -> Image.Exif:
    """Of a RAW file that is based on TIFF; empty for others. Raises what `MALFORMED_EXIF` names."""
    exif = Image.Exif()
    if head.startswith(TIFF):
        # Pillow cannot open most RAW files, but its EXIF reader takes any TIFF directory after the prefix that a JPEG
        # has.
        exif.load(b"Exif\0\0" + head)
    return exif


def _number(value: Any) -> float:
    """0 for a missing value. Some cameras give several sensitivities; the first is used."""
    first = value[0] if isinstance(value, tuple) and value else value
    # A fraction with denominator 0 becomes NaN, which `isfinite` removes.
    number = float(first) if first is not None else 0.0
    return number if math.isfinite(number) else 0.0


def _whole(number: float, maximum: int) -> int | None:
    return round(number) if 1 <= number <= maximum else None


def _within(number: float, maximum: float) -> float | None:
    return number if 0 < number <= maximum else None
