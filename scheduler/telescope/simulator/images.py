"""An exposure in the memory of the simulated controllers, and the cards of its primary header: the words that a
scheduler gave, and what the simulator knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler.telescope.driver.header import BLANK_VALUE, INITIAL_WORDS
from scheduler.telescope.driver.protocol import Profile


@dataclass(frozen=True, slots=True)
class SimulatedImage:
    number: int
    """1 for the first since the controllers were started."""
    file_root: str
    shutter: bool
    exposure_s: float
    started_ns: int
    """Nanoseconds since 1970, UTC."""
    words: Mapping[str, str]
    """The header words that were given before the exposure."""


Card = tuple[str, str | int | float | bool, str]
"""Keyword, value, comment."""

WORDS = tuple(keyword for keyword, _ in INITIAL_WORDS if keyword != "comment")
"""What a scheduler gives before each exposure, beside `comment`."""
OBSERVATORY_WORD = "observat"

KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
LONG_KEYWORD = re.compile(r"[A-Z0-9_-]{9,30}")
COMMENTARY = frozenset({"COMMENT", "HISTORY"})
TEXTS = frozenset({"TELESCOP", "INSTRUME", "OBSERVER", "OBJECT", "ORIGIN", "AUTHOR", "REFERENC", "OBSERVAT", "BUNIT"})
"""Keywords whose value is a text by the FITS standard, also if it looks like a number."""
RESERVED = re.compile(
    r"SIMPLE|BITPIX|NAXIS\d*|EXTEND|END|XTENSION|[PG]COUNT|GROUPS|BZERO|BSCALE|BLANK|BLOCKED|THEAP|CHECKSUM|DATASUM"
    r"|CONTINUE|HIERARCH|LONGSTRN|INHERIT|EXTNAME|EXTVER|EXTLEVEL|(DATE|TIME|MJD|WCS).*|EQUINOX|EPOCH|DATAM(AX|IN)"
    r"|RADESYS|LONPOLE|LATPOLE|(CTYPE|CRVAL|CRPIX|CDELT|CROTA|CUNIT|CNAME|CRDER|CSYER|CD|PC|PV|PS)\d.*"
    r"|(TFORM|TTYPE|TBCOL|TNULL|TSCAL|TZERO|TUNIT|TDISP|TDIM|PTYPE|PSCAL|PZERO)\d.*"
    r"|EXPTIME|XPOSURE|SIMULATE|CREATOR|FILENAME|CONTROLR|EXPNUM|SHUTTER|DETSIZE"
)
"""Keywords of FITS, or of the simulator, with a meaning that a scheduler must not change."""
WHOLE = re.compile(r"[+-]?\d{1,15}")
DECIMAL = re.compile(r"[+-]?(\d{1,15}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")
LONGEST_TEXT = 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MJD_OF_EPOCH = 40_587


def word_cards(image: SimulatedImage, profile: Profile) -> Iterator[Card]:
    """The header words. Those of the profile that were not given are UNKNOWN; a word that cannot be a keyword is a
    comment."""
    known = (*WORDS, OBSERVATORY_WORD) if profile.has_observatory else WORDS
    for word, value in {**dict.fromkeys(known, BLANK_VALUE), **image.words}.items():
        yield word_card(word.upper(), value)


def word_card(keyword: str, text: str) -> Card:
    held = text[:LONGEST_TEXT].strip()
    if keyword in COMMENTARY:
        return keyword, held, ""
    if RESERVED.fullmatch(keyword) or not (KEYWORD.fullmatch(keyword) or LONG_KEYWORD.fullmatch(keyword)):
        return "COMMENT", f"{keyword[:30]} = {text[:30]}".rstrip(), ""
    value = held if keyword in TEXTS else parse_value(held)
    return (keyword if KEYWORD.fullmatch(keyword) else f"HIERARCH {keyword}"), value, ""


def parse_value(text: str) -> str | int | float:
    """A number if it is one that FITS can hold, else the text."""
    if WHOLE.fullmatch(text):
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text


def exposure_cards(image: SimulatedImage, controller: int, file_name: str, detector_section: str) -> list[Card]:
    started = EPOCH + timedelta(microseconds=image.started_ns // 1000)
    ended = started + timedelta(seconds=image.exposure_s)
    return [
        ("DATE-OBS", format_time(started), "begin of the exposure"),
        ("DATE-END", format_time(ended), "end of the exposure"),
        ("TIMESYS", "UTC", "time scale"),
        ("MJD-OBS", image.started_ns / 86_400e9 + MJD_OF_EPOCH, "[d] begin of the exposure"),
        ("EXPTIME", image.exposure_s, "[s] exposure time"),
        ("SHUTTER", image.shutter, "whether the shutter was open"),
        ("CONTROLR", controller, "number of the controller, from 0"),
        ("EXPNUM", image.number, "number of the exposure since the start"),
        ("FILENAME", file_name, "name of this file"),
        ("DETSIZE", detector_section, "pixels of the mosaic"),
        ("SIMULATE", True, "the picture is simulated"),
        ("CREATOR", "skycam telescope simulate", "program"),
    ]


def format_time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}"
