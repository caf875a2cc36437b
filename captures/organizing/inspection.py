"""What is known of a picture file before it is adopted. A file is hostile input: known formats, a limit of pixels,
one error. Django-free."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypedDict

from PIL import ExifTags, Image

from cameras.drivers.gphoto2.pictures import MALFORMED_EXIF, exif_of_raw, settings_of
from cameras.drivers.gphoto2.session import RAW_SUFFIXES
from captures.organizing.findings import NotPlaced, Reason, printable
from captures.organizing.times import TakenAt, taken_at
from captures.thumbnails.rendering import MAX_PIXELS, SIMULATED

HEAD_BYTES = 1 << 20
"""The beginning of a RAW file, which has its EXIF."""
MAGIC = {
    b"\xff\xd8\xff": ("jpeg", "JPEG"),
    b"\x89PNG\r\n\x1a\n": ("png", "PNG"),
    b"II*\0": ("tiff", "TIFF"),
    b"MM\0*": ("tiff", "TIFF"),
}
"""How a file begins -> its kind, and Pillow's name of the format."""
SUFFIXES = {"jpeg": (".jpg", ".jpeg", ".jpe"), "png": (".png",), "tiff": (".tif", ".tiff")}
"""Kind -> the endings that a copy keeps; the first one replaces any other."""
PICTURE_SUFFIXES = frozenset({*RAW_SUFFIXES, *(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)})
DISK_ERRORS = frozenset({errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM, errno.ESTALE, errno.ETIMEDOUT})
"""Errors that say nothing about the picture, unlike EINVAL: decoders seek to the places that a broken file names."""
SERIAL_LENGTH = 80


class Inspection(TypedDict):
    """A picture that can be decoded. `taken` is None if the file does not say when it was taken."""

    kind: str
    suffix: str
    bytes: int
    sha256: str
    width: int
    height: int
    taken: TakenAt | None
    exposure_us: int | None
    iso: int | None
    f_number: float | None
    serial: str
    simulated: bool


class Decoded(TypedDict):
    width: int
    height: int
    taken: TakenAt | None
    settings: dict[str, Any]
    serial: str
    simulated: bool


def inspect_file(descriptor: int, name: str) -> Inspection:
    """Decode and hash an open file. NotPlaced when it is broken, no picture, or was written meanwhile; OSError."""
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise NotPlaced(Reason.NOT_A_PICTURE, "It is not a regular file.")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)  # a duplicate shares the position of its original
        kind, form = kind_of(file.read(16), name)
        file.seek(0)
        decoded = decode(file, kind, form)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise NotPlaced(Reason.CHANGED, "It was written while it was read. Organize the folder again later.")
    found = decoded["settings"]
    return Inspection(
        kind=kind,
        suffix=suffix_for(kind, name),
        bytes=after.st_size,
        sha256=digest,
        width=decoded["width"],
        height=decoded["height"],
        taken=decoded["taken"],
        exposure_us=found.get("exposure_us"),
        iso=found.get("iso"),
        f_number=found.get("f_number"),
        serial=decoded["serial"],
        simulated=decoded["simulated"],
    )


def kind_of(head: bytes, name: str) -> tuple[str, str]:
    """The kind of file, and Pillow's name of its format. By the ending for RAW files, many of which begin like a TIFF;
    by the content for others. NotPlaced."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in RAW_SUFFIXES:
        return "raw", ""
    for magic, found in MAGIC.items():
        if head.startswith(magic):
            return found
    if suffix in PICTURE_SUFFIXES:
        raise NotPlaced(Reason.BROKEN, f"It is named {suffix} and does not begin like a picture.")
    raise NotPlaced(Reason.NOT_A_PICTURE, "It is neither a JPEG, PNG or TIFF nor a RAW file.")


def suffix_for(kind: str, name: str) -> str:
    suffix = os.path.splitext(name)[1].lower()
    return suffix if kind == "raw" or suffix in SUFFIXES[kind] else SUFFIXES[kind][0]


def decode(file: BinaryIO, kind: str, form: str) -> Decoded:
    """NotPlaced for a file that cannot be decoded to its end; OSError when its disk fails."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd EXIF and of many pixels; errors and MAX_PIXELS decide.
            warnings.simplefilter("ignore")
            return decode_raw(file) if kind == "raw" else decode_image(file, form)
    except (*MALFORMED_EXIF, EOFError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise NotPlaced(Reason.BROKEN, f"It cannot be decoded: {printable_error(error)}") from None


def printable_error(error: BaseException) -> str:
    text = printable(" ".join(str(error).split()))[:200] or type(error).__name__
    return text if text.endswith(".") else f"{text}."


def decode_image(file: BinaryIO, form: str) -> Decoded:
    with Image.open(file, formats=[form]) as image:
        width, height = image.size
        check_pixels(width, height)
        # Before the pixels, after which Pillow has closed a TIFF. A PNG, whose EXIF may come last, is read by it.
        exif = image.getexif()
        details, place = directories_of(lambda: exif)
        # A JPEG is then decoded at an eighth of its size: all of its data is read, in a third of the time.
        image.draft("RGB", (1, 1))
        image.load()
    return Decoded(
        width=width,
        height=height,
        taken=taken_at(details, place),
        settings=settings_or_none(details),
        serial=serial_of(details),
        simulated=exif.get(ExifTags.Base.ImageDescription) == SIMULATED,
    )


def decode_raw(file: BinaryIO) -> Decoded:
    import rawpy

    details, place = directories_of(lambda: exif_of_raw(file.read(HEAD_BYTES)))
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            check_pixels(raw.sizes.raw_width, raw.sizes.raw_height)
            # LibRaw reads the pixels here: a file that was cut off is noticed.
            raw.unpack()
            width, height, other = raw.sizes.width, raw.sizes.height, raw.other
            # Of formats that are not based on TIFF, such as CR3 and RAF.
            taken = taken_at(details, place) or time_of_raw(other.timestamp)
    except rawpy.LibRawError as error:
        text = error.args[0] if error.args else ""
        why = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        raise NotPlaced(Reason.BROKEN, f"It cannot be decoded: {printable(why)}.") from None
    return Decoded(
        width=width,
        height=height,
        taken=taken,
        settings=settings_or_none(details) or settings_of_raw(other),
        serial=serial_of(details),
        simulated=False,
    )


def check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise NotPlaced(Reason.BROKEN, f"It has {width} x {height} pixels; the limit is {MAX_PIXELS}.")


def directories_of(read: Callable[[], Image.Exif]) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """The directories Exif and GPSInfo. Empty for what cannot be read: the picture may still be whole, and is then one
    without a time."""
    try:
        exif = read()
    except MALFORMED_EXIF:
        return {}, {}
    return _directory(exif, ExifTags.IFD.Exif), _directory(exif, ExifTags.IFD.GPSInfo)


def _directory(exif: Image.Exif, ifd: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(ifd)
    except MALFORMED_EXIF:
        return {}


def settings_or_none(details: Mapping[int, Any]) -> dict[str, Any]:
    try:
        return settings_of(details)
    except MALFORMED_EXIF:
        return {}


def settings_of_raw(other: Any) -> dict[str, Any]:
    """LibRaw's values, which it knows of formats whose EXIF Pillow does not read, with the limits of EXIF's: an ISO of
    more than the column holds would end the job."""
    return settings_of(
        {
            ExifTags.Base.ExposureTime: other.shutter_speed,
            ExifTags.Base.FNumber: other.aperture,
            ExifTags.Base.ISOSpeedRatings: other.iso_speed,
        }
    )


def serial_of(details: Mapping[int, Any]) -> str:
    text = details.get(ExifTags.Base.BodySerialNumber)
    return "".join(filter(str.isprintable, text)).strip()[:SERIAL_LENGTH] if isinstance(text, str) else ""


def time_of_raw(timestamp: datetime) -> TakenAt | None:
    """LibRaw's time of the file. It is that of the camera's clock while the zone of the process is UTC."""
    local = timestamp.astimezone(UTC).replace(tzinfo=None) if timestamp.tzinfo else timestamp
    # LibRaw gives 1970 for a file that has no time.
    return TakenAt(local=local.isoformat(), offset_s=None, note="") if 1980 < local.year < 9000 else None
