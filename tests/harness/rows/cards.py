"""Folders of pictures as a card or another program leaves them."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from tests.harness.rows.pictures import dng

FIRST = datetime(2026, 1, 16, 22, 0, 0)  # noqa: DTZ001
"""By the camera's clock."""


def taken_picture(
    at: datetime | None = FIRST, offset: str = "+01:00", subsec: str = "789", form: str = "JPEG", description: str = "",
    size: tuple[int, int] = (160, 120), after: str = "", changed_offset: str = "", gps: datetime | None = None,
) -> bytes:  # fmt: skip
    """A picture of random pixels, so that no two are alike, taken at `at` for 1/125 s at f/4 and ISO 800. `after` is
    what the camera writes behind the date; `changed_offset` is OffsetTime, and `gps` the time of a GPS."""
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2030:01:01 00:00:00"
    if description:
        exif[ExifTags.Base.ImageDescription] = description
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ExposureTime] = IFDRational(1, 125)
    details[ExifTags.Base.FNumber] = IFDRational(4, 1)
    details[ExifTags.Base.ISOSpeedRatings] = 800
    details[ExifTags.Base.BodySerialNumber] = "4711"
    if at is not None:
        details[ExifTags.Base.DateTimeOriginal] = f"{at:%Y:%m:%d %H:%M:%S}{after}"
        details[ExifTags.Base.SubsecTimeOriginal] = subsec
    if offset:
        details[ExifTags.Base.OffsetTimeOriginal] = offset
    if changed_offset:
        details[ExifTags.Base.OffsetTime] = changed_offset
    if gps is not None:
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        place[ExifTags.GPS.GPSDateStamp] = f"{gps:%Y:%m:%d}"
        place[ExifTags.GPS.GPSTimeStamp] = (IFDRational(gps.hour), IFDRational(gps.minute), IFDRational(gps.second))
    pixels = np.frombuffer(os.urandom(size[0] * size[1] * 3), np.uint8).reshape(size[1], size[0], 3)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form, exif=exif.tobytes())
    return content.getvalue()


def taken_raw(at: datetime = FIRST) -> bytes:
    return dng(taken_picture(at), taken=f"{at:%Y:%m:%d %H:%M:%S}")


def write_card(folder: Path, pictures: int = 30, duplicates: int = 4, broken: int = 3) -> Path:
    """`pictures` JPEGs in two folders, one each minute; some are there twice, and some were cut off."""
    for number in range(pictures):
        path = folder / f"DCIM/{100 + number % 2}CANON/IMG_{number:04}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(taken_picture(FIRST + timedelta(minutes=number)))
    for number in range(duplicates):
        copy = folder / f"copies/IMG_{number:04}.JPG"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((folder / f"DCIM/{100 + number % 2}CANON/IMG_{number:04}.JPG").read_bytes())
    for number in range(broken):
        cut = folder / f"DCIM/100CANON/IMG_9{number:03}.JPG"
        cut.write_bytes(taken_picture(FIRST + timedelta(hours=2))[: -3000 * (number + 1)])
    return folder


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
