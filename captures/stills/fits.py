"""FITS files of stills. Only this module and `captures.thumbnails.fits` import astropy, when they are first used."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from cameras.drivers.base import Pixels
from cameras.spool.durable import Chunk
from captures.stills.facts import StillFacts, ascii_text

BLOCK_BYTES = 2880
TILE_ROWS = 16
"""Rows in a tile of a compressed image."""
MAX_TEXT = 68
"""Characters in the text of one card, which then has no room for a comment."""
MJD_OF_EPOCH = 40587
Card = tuple[str, Any, str]


def fits_chunks(image: Pixels, facts: StillFacts, compression: str, warn: Callable[[str], None]) -> list[Chunk]:
    """The file. `image` as in `FrameData`; `warn` gets a sentence for a text that the header cannot hold unchanged."""
    cards = header_cards(facts, warn)
    return _compressed(image, cards) if compression == "rice" else _plain(image, cards)


def _plain(image: Pixels, cards: list[Card]) -> list[Chunk]:
    from astropy.io import fits

    data = stored_pixels(image)
    hdu = fits.PrimaryHDU(data)
    if image.dtype == np.uint16:
        # FITS has no unsigned 16-bit integers: 0 to 65535 are stored as -32768 to 32767.
        hdu.header["BSCALE"], hdu.header["BZERO"] = 1, 32768
    hdu.header.extend(cards)
    hdu.add_checksum()
    # Not `writeto`: the pixels go to the disk from this one array, without a copy of the file in memory.
    pixels = memoryview(data).cast("B")
    return [hdu.header.tostring().encode("ascii"), pixels, bytes(-len(pixels) % BLOCK_BYTES)]


def _compressed(image: Pixels, cards: list[Card]) -> list[Chunk]:
    from astropy.io import fits

    planes = as_planes(image)
    tile = (1,) * (planes.ndim - 2) + (min(TILE_ROWS, planes.shape[-2]), planes.shape[-1])
    hdu = fits.CompImageHDU(planes, fits.Header(cards), compression_type="RICE_1", tile_shape=tile)
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(content, checksum=True)
    return [content.getbuffer()]


def as_planes(image: Pixels) -> Any:
    """RGB as three planes, the slowest axis first; mono as it is."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)) if image.ndim == 3 else image


def stored_pixels(image: Pixels) -> Any:
    """The pixels as FITS stores them, in one new array: planes, big-endian, unsigned 16 bits shifted to signed."""
    planes = image.transpose(2, 0, 1) if image.ndim == 3 else image
    if image.dtype != np.uint16:
        return np.ascontiguousarray(planes)
    shifted = np.empty(planes.shape, ">u2")
    np.bitwise_xor(planes, np.uint16(0x8000), out=shifted)
    return shifted.view(">i2")


def header_cards(facts: StillFacts, warn: Callable[[str], None]) -> list[Card]:
    """Keyword, value and comment, without those that are unknown. Keywords of FITS 4.0, and those that programs for
    astronomy agree on."""
    clock, middle, place = facts.clock, facts.started + (facts.ended - facts.started) / 2, facts.place
    cards: list[Card] = [
        ("DATE-OBS", timestamp(facts.started), "begin of the exposure"),
        ("DATE-BEG", timestamp(facts.started), "begin of the exposure"),
        ("DATE-AVG", timestamp(middle), "middle of the exposure"),
        ("DATE-END", timestamp(facts.ended), "end of the exposure"),
        ("TIMESYS", "UTC", "time scale"),
        ("MJD-OBS", modified_julian_date(facts.started), "[d] begin of the exposure"),
        ("EXPTIME", facts.exposure_s, "[s] exposure time"),
        ("XPOSURE", facts.exposure_s, "[s] exposure time"),
        ("TELAPSE", (facts.ended - facts.started).total_seconds(), "[s] from begin to end"),
        ("INSTRUME", _text("INSTRUME", f"{facts.vendor} {facts.model}".strip(), warn), ""),
        ("SERIALNO", _text("SERIALNO", facts.serial, warn), ""),
        ("IMAGETYP", "LIGHT", "type of the image"),
        ("GAIN", facts.gain, "gain in the camera's unit"),
        ("ISO", facts.iso, "sensitivity"),
        ("FOCRATIO", facts.f_number, "f-number"),
        ("CCD-TEMP", facts.temperature_celsius, "[Celsius] temperature of the camera"),
        ("BUNIT", "adu", "unit of the pixels"),
        ("ROWORDER", "TOP-DOWN", "the first row is the top of the picture"),
        *zip(
            ("SITELAT", "SITELONG", "SITEELEV"), place, ("[deg] north positive", "[deg] east positive", "[m]"),
            strict=True,
        ),
        *zip(("OBSGEO-B", "OBSGEO-L", "OBSGEO-H"), place, ("[deg] latitude", "[deg] longitude", "[m]"), strict=True),
        ("CLKSTATE", clock["clock"], "state of the station's clock"),
        ("CLKOFFS", clock["clock_offset_s"], "[s] the clock was being corrected by"),
        ("CLKERR", clock["clock_error_s"], "[s] estimated error of the clock"),
        ("CLKJUMP", clock["clock_jumped_s"], "[s] the clock was set since the last capture"),
        ("CAMERA", facts.camera, "camera of the station"),
        ("CAPTURE", facts.capture, "capture of the station"),
        ("SIMULATE", facts.simulated, "whether the picture is simulated"),
        ("CREATOR", facts.software, "program"),
    ]  # fmt: skip
    return [card for card in cards if card[1] not in (None, "")]


def _text(keyword: str, text: str, warn: Callable[[str], None]) -> str:
    """The text in ASCII, as long as a card holds."""
    held = ascii_text(text)
    # An apostrophe takes two places.
    while len(held.replace("'", "''")) > MAX_TEXT:
        held = held[:-1].rstrip()
    if held != text:
        has = f"has {held!r} instead" if held else "leaves it out"
        warn(f"The FITS header cannot hold {text[:200]!r} in {keyword} and {has}.")
    return held


def timestamp(at: datetime) -> str:
    """FITS allows no time zone in a date; TIMESYS says that it is UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"


def modified_julian_date(at: datetime) -> float:
    """Days; a double has it to a microsecond."""
    return at.timestamp() / 86_400 + MJD_OF_EPOCH
