"""Pictures as cameras make them: JPEG, and a small DNG with a preview inside."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

RATIONAL, LONG, SHORT, ASCII, BYTE = 5, 4, 3, 2, 1
CODES = {RATIONAL: "I", LONG: "I", SHORT: "H", ASCII: "B", BYTE: "B"}
NUMBERS = {RATIONAL: 2}
"""How many numbers make one value, where it is not one."""


def gradient(width: int, height: int) -> Any:
    """(height, width, 3) uint8: red rises to the right, green downwards; the upper left corner is blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    image[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    image[: height // 4, : width // 4] = (0, 0, 255)
    return image


def jpeg(width: int, height: int, orientation: int = 0) -> bytes:
    exif = Image.Exif()
    if orientation:
        exif[ExifTags.Base.Orientation] = orientation
    content = io.BytesIO()
    Image.fromarray(gradient(width, height)).save(content, "JPEG", quality=90, exif=exif.tobytes())
    return content.getvalue()


def dng(preview: bytes, orientation: int = 1, seconds: tuple[int, int] = (1, 125), taken: str = "") -> bytes:
    """The preview in the first directory, 64 x 64 raw pixels in a second one, as the DNG specification has it.

    Exposed for `seconds` (a fraction) at f/4 and ISO 800, as a third directory says; at `taken`, in the form of EXIF.
    """
    raw = np.full((64, 64), 1000, "<u2").tobytes()
    head = 8
    at_preview, at_raw = head, head + len(preview) + len(preview) % 2
    at_sub = at_raw + len(raw)
    sub = directory(at_sub, [
        (254, LONG, [0]), (256, LONG, [64]), (257, LONG, [64]), (258, SHORT, [16]), (259, SHORT, [1]),
        (262, SHORT, [32803]), (273, LONG, [at_raw]), (277, SHORT, [1]), (278, LONG, [64]), (279, LONG, [len(raw)]),
        (33421, SHORT, [2, 2]), (33422, BYTE, [0, 1, 1, 2]),
    ])  # fmt: skip
    at_exif = at_sub + len(sub)
    date = [(36867, ASCII, list(taken.encode() + b"\0"))] if taken else []
    exif = directory(
        at_exif, [(33434, RATIONAL, list(seconds)), (33437, RATIONAL, [4, 1]), (34855, SHORT, [800]), *date]
    )
    at_main = at_exif + len(exif)
    width, height = Image.open(io.BytesIO(preview)).size
    main = directory(at_main, [
        (254, LONG, [1]), (256, LONG, [width]), (257, LONG, [height]), (258, SHORT, [8, 8, 8]), (259, SHORT, [7]),
        (262, SHORT, [6]), (271, ASCII, list(b"Skycam\0")), (272, ASCII, list(b"Test\0")), (273, LONG, [at_preview]),
        (274, SHORT, [orientation]), (277, SHORT, [3]), (278, LONG, [height]), (279, LONG, [len(preview)]),
        (330, LONG, [at_sub]), (34665, LONG, [at_exif]), (50706, BYTE, [1, 4, 0, 0]),
        (50708, ASCII, list(b"Skycam Test\0")),
    ])  # fmt: skip
    return struct.pack("<2sHI", b"II", 42, at_main) + preview + b"\0" * (len(preview) % 2) + raw + sub + exif + main


def bare_dng(width: int = 64, height: int = 48, orientation: int = 1) -> bytes:
    """Raw pixels and no preview: brighter to the right."""
    raw = np.tile(np.linspace(1000, 60000, width).astype("<u2"), (height, 1)).tobytes()
    at_main = 8 + len(raw)
    main = directory(at_main, [
        (254, LONG, [0]), (256, LONG, [width]), (257, LONG, [height]), (258, SHORT, [16]), (259, SHORT, [1]),
        (262, SHORT, [32803]), (271, ASCII, list(b"Skycam\0")), (272, ASCII, list(b"Test\0")), (273, LONG, [8]),
        (274, SHORT, [orientation]), (277, SHORT, [1]), (278, LONG, [height]), (279, LONG, [len(raw)]),
        (33421, SHORT, [2, 2]), (33422, BYTE, [0, 1, 1, 2]), (50706, BYTE, [1, 4, 0, 0]),
        (50708, ASCII, list(b"Skycam Test\0")),
    ])  # fmt: skip
    return struct.pack("<2sHI", b"II", 42, at_main) + raw + main


def directory(at: int, entries: list[tuple[int, int, list[int]]]) -> bytes:
    """A TIFF directory at `at`, with the values that do not fit into it behind it."""
    fixed, behind = struct.pack("<H", len(entries)), b""
    end = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in entries:
        packed = struct.pack(f"<{len(values)}{CODES[kind]}", *values)
        fixed += struct.pack("<HHI", tag, kind, len(values) // NUMBERS.get(kind, 1))
        if len(packed) <= 4:
            fixed += packed.ljust(4, b"\0")
        else:
            fixed += struct.pack("<I", end + len(behind))
            behind += packed + b"\0" * (len(packed) % 2)
    return fixed + struct.pack("<I", 0) + behind


def exposed_jpeg(width: int = 640, height: int = 424, seconds: tuple[int, int] = (1, 125)) -> bytes:
    """With EXIF that says `seconds` (a fraction), f/4 and ISO 800."""
    exif = Image.Exif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ExposureTime] = IFDRational(*seconds)
    details[ExifTags.Base.FNumber] = IFDRational(4, 1)
    details[ExifTags.Base.ISOSpeedRatings] = 800
    content = io.BytesIO()
    Image.fromarray(gradient(width, height)).save(content, "JPEG", quality=90, exif=exif.tobytes())
    return content.getvalue()
