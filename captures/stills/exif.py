"""EXIF for pictures that Skycam encodes: camera, exposure, time, and whether the picture is simulated."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from cameras.drivers.base import Exposure, Identity
from cameras.spool.records import Plan
from captures.thumbnails.rendering import SIMULATED

SOI = b"\xff\xd8"


def exif_of(plan: Plan, exposure: Exposure, identity: Identity) -> bytes:
    """The EXIF block of one capture, with its `Exif\\0\\0` head. Its times are UTC."""
    exif = Image.Exif()
    started = datetime.fromtimestamp(exposure.started_ns / 1e9, UTC)
    exif[ExifTags.Base.Make] = identity.vendor
    exif[ExifTags.Base.Model] = identity.model
    exif[ExifTags.Base.Software] = "Skycam"
    exif[ExifTags.Base.ImageDescription] = SIMULATED if exposure.simulated else f"Camera {plan['slug']}"
    exif[ExifTags.Base.DateTime] = f"{started:%Y:%m:%d %H:%M:%S}"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = f"{started:%Y:%m:%d %H:%M:%S}"
    details[ExifTags.Base.SubsecTimeOriginal] = f"{started.microsecond // 1000:03}"
    details[ExifTags.Base.OffsetTimeOriginal] = "+00:00"
    if exposure_us := exposure.actual.get("exposure_us"):
        shutter = Fraction(exposure_us, 1_000_000).limit_denominator(1_000_000)
        details[ExifTags.Base.ExposureTime] = IFDRational(shutter.numerator, shutter.denominator)
    if f_number := exposure.actual.get("f_number"):
        details[ExifTags.Base.FNumber] = IFDRational(round(f_number * 100), 100)
    note = {"capture": plan["id"], "camera": plan["slug"], "simulated": exposure.simulated}
    # EXIF wants the character set in the first eight bytes.
    details[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + json.dumps(note).encode()
    return exif.tobytes()


def with_exif(jpeg: bytes, exif: bytes) -> list[bytes | memoryview]:
    """The JPEG's pieces with the EXIF block as its first segment; the picture itself is not copied."""
    if jpeg[:2] != SOI:
        raise ValueError("The data is not a JPEG.")
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    return [SOI + segment, memoryview(jpeg)[2:]]
