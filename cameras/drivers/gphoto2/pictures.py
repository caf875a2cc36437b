"""What an opened camera sends: the files of a capture, after its shutter was released, with the exposure data in
their EXIF, used where the camera did not report it (bulb, automatic ISO), and the preview pictures of its live view
as frames."""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from cameras.drivers.base import CameraError, CameraFile, Clock, Exposure, FrameData
from cameras.drivers.gphoto2.session import CardFile, Session, kind_of, library
from cameras.drivers.gphoto2.widgets import LONGEST_US

SECOND_FILE_S = 4.0
"""The time that a RAW + JPEG camera has to announce the second file."""
# Short, since the deadline is checked only between the calls of the library.
EVENT_MS = 100
IN_MEMORY = "/"
"""The folder of a picture in the camera's memory. It is gone once fetched, and its name is reused."""


def release_shutter(session: Session, clock: Clock, exposure: Exposure, bulb_us: int | None) -> CardFile:
    """Expose, timed by the camera or by holding the shutter open (bulb); returns the first file."""
    exposure.started_ns = clock.wall_ns()
    if bulb_us is None:
        file = session.capture()
    else:
        exposure.actual["exposure_us"] = round(session.expose_bulb(bulb_us / 1e6) * 1e6)
        file = _first_file(session)
    # Before the transfer, which for a RAW file takes seconds and is not part of the exposure.
    exposure.ended_ns = clock.wall_ns()
    return file


def collect_files(
    session: Session, clock: Clock, exposure: Exposure, first: CardFile, promised: frozenset[str], *, bulb: bool
) -> bool:
    """Fetch the first file, which is required, and the others that the format includes, which may be missing. EXIF
    fills in what the camera did not report.

    False when the session must end: a missing file may still be announced, and would be counted as a file of the next
    capture.
    """
    _fetch_file(session, exposure, first)
    succeeded = True
    try:
        for file in _further_files(session, clock, exposure, first, promised):
            _fetch_file(session, exposure, file)
    except (library().GPhoto2Error, CameraError) as error:
        # Not raised: the first picture is in memory, and an exposure that raises has none.
        exposure.warnings.append(f"The camera sent one file and then failed: {error}")
        succeeded = False
    exposure.missing = sorted(promised - _kinds(exposure))
    if exposure.missing:
        exposure.warnings.append(f"The camera sent no {' or '.join(exposure.missing)} file, which its format includes.")
    _add_exif(exposure, bulb=bulb)
    return succeeded and not exposure.missing


def _add_exif(exposure: Exposure, *, bulb: bool) -> None:
    """The camera's setting is exact where EXIF rounds; for bulb the EXIF time is the measured one."""
    reported = {name: value for file in reversed(exposure.files) for name, value in read_exif(file).items()}
    measured = {"exposure_us": reported["exposure_us"]} if bulb and "exposure_us" in reported else {}
    # The order is the priority: EXIF, then what the camera reported, then the measured bulb time.
    exposure.actual = reported | exposure.actual | measured


def _first_file(session: Session) -> CardFile:
    """The first file of a bulb exposure; CameraError too_slow when it does not arrive."""
    while (file := session.next_file(EVENT_MS)) is None:
        session.check_due()
    return file


def _further_files(
    session: Session, clock: Clock, exposure: Exposure, first: CardFile, promised: frozenset[str]
) -> Iterator[CardFile]:
    """One file of each kind: any other file belongs to another capture."""
    until = clock.monotonic() + SECOND_FILE_S
    # Computed again after each `yield`: the caller adds the fetched file to the exposure.
    while (wanted := promised - _kinds(exposure)) and clock.monotonic() < until:
        file = session.next_file(EVENT_MS)
        # Some cameras also announce the file that capture() has returned.
        if file is not None and file != first and kind_of(file.name) in wanted:
            yield file


def _fetch_file(session: Session, exposure: Exposure, file: CardFile) -> None:
    if file.folder != IN_MEMORY:
        # Before the fetch, and still safe if that fails: the session then ends, and `delete_from_card` deletes only
        # files of the current session.
        exposure.card.append(file)
    exposure.files.append(session.fetch(file))


def _kinds(exposure: Exposure) -> frozenset[str]:
    return frozenset(file.kind for file in exposure.files)


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
        "exposure_us": _whole(_tag_number(details.get(ExifTags.Base.ExposureTime)) * 1_000_000, LONGEST_US),
        "f_number": _within(round(_tag_number(details.get(ExifTags.Base.FNumber)), 2), 128),
        "iso": _whole(_tag_number(details.get(ExifTags.Base.ISOSpeedRatings)), 10_000_000),
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


def _tag_number(value: Any) -> float:
    """0 for a missing value. Some cameras give several sensitivities; the first is used."""
    first = value[0] if isinstance(value, tuple) and value else value
    # A fraction with denominator 0 becomes NaN, which `isfinite` removes.
    number = float(first) if first is not None else 0.0
    return number if math.isfinite(number) else 0.0


def _whole(number: float, maximum: int) -> int | None:
    return round(number) if 1 <= number <= maximum else None


def _within(number: float, maximum: float) -> float | None:
    return number if 0 < number <= maximum else None


PREVIEW_INTERVAL_S = 1 / 15


class LiveView:
    """The live view of one session; frame numbers increase since `open`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_at = 0.0
        self._number = 0

    def wait_until_due(self, deadline: float) -> bool:
        """Wait until the next frame is due; False when the deadline comes first or the wait is interrupted."""
        until = min(self._next_at, deadline)
        return not self._clock.wait(until - self._clock.monotonic()) and self._next_at <= deadline

    def read_frame(self, session: Session) -> FrameData:
        """The next frame; CameraError for a preview that is not a picture."""
        # Before the preview, so that its duration counts as part of the interval.
        self._next_at = self._clock.monotonic() + PREVIEW_INTERVAL_S
        image = decode_jpeg(session.preview())
        self._number += 1
        return FrameData(image, self._clock.wall_ns(), self._clock.monotonic(), self._number)


def decode_jpeg(jpeg: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(height, width, 3) RGB uint8."""
    try:
        # Only this decoder: Pillow would try all of its formats on bytes that the camera controls.
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            return np.array(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise CameraError(f"The camera's live view sent no picture ({error}). Skycam reopens the camera.") from None
