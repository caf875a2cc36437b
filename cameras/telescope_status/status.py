"""What a source knows of the telescope, the limits of each value, and the header words that say it. Django-free."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.sky.sidereal import hour_angle, local_sidereal_hours

UNKNOWN = "UNKNOWN"
WORD_LENGTH = 68
"""Characters of a text in a FITS header card."""
# A controller splits its commands at blanks, and quotation marks group words.
UNSAFE = re.compile(r"[^!#-&(-_a-~]")


@dataclass(frozen=True, slots=True)
class TelescopeStatus:
    """One observation. What is not known is None, and never an assumed value.

    Coordinates are those that the mount reports, in the mount's own equinox: Skycam does not convert them.
    """

    at: float
    """When it was observed, in seconds since 1970, UTC."""
    lst: float | None = None
    """Local sidereal time in hours, 0 to 24."""
    ha: float | None = None
    """Hour angle in hours, -12 to 12, west positive."""
    ra: float | None = None
    """Right ascension in hours, 0 to 24."""
    dec: float | None = None
    """Declination in degrees, -90 to 90."""
    focus: float | None = None
    """Position of the focuser, in the unit of the source: millimetres, or steps."""
    filter_name: str | None = None
    filter_id: str | None = None
    is_slewing: bool | None = None
    """Whether the mount moves to another position. Tracking is not slewing."""
    is_adjusting: bool | None = None
    """Whether the focuser or the filter wheel moves."""
    problem: str = ""
    """Sentences that say why a value is unknown. Empty if all that the source should know is known."""


def with_sidereal_time(status: TelescopeStatus, longitude: float | None) -> TelescopeStatus:
    """The status with the sidereal time of its moment and the hour angle of its right ascension, where the source did
    not give them. `longitude` is in degrees, east positive; None if the site has none."""
    lst = status.lst
    if lst is None and longitude is not None:
        lst = local_sidereal_hours(status.at, longitude)
    if lst is None:
        problem = "The site has no longitude, so the sidereal time is unknown. Set `site.longitude`."
        return replace(status, problem=join_sentences([status.problem, problem]))
    is_computable = status.ha is None and status.ra is not None
    return replace(status, lst=lst, ha=hour_angle(lst, status.ra or 0.0) if is_computable else status.ha)


def header_words(status: TelescopeStatus) -> dict[str, str]:
    """The header words of a controller, each without a blank or a quotation mark. UNKNOWN stands for what is not known;
    numbers have four decimals, as `%8.4f` of C without the blanks."""
    return {
        "filterna": _text_word(status.filter_name),
        "filterid": _text_word(status.filter_id),
        "lst": _number_word(status.lst),
        "ha": _number_word(status.ha),
        "tele-ra": _number_word(status.ra),
        "tele-dec": _number_word(status.dec),
        "focus": _number_word(status.focus),
    }


def join_sentences(sentences: Iterable[str]) -> str:
    """Each sentence once, in their order."""
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))


def _number_word(value: float | None) -> str:
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:8.4f}".strip()


def _text_word(text: str | None) -> str:
    return UNSAFE.sub("_", (text or "").strip())[:WORD_LENGTH] or UNKNOWN


TEXT_LENGTH = 60
"""Characters of a number, and of a filter's name or id."""
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,5})[ :;]+(\d{1,2}(?:\.\d*)?)(?:[ :;]+(\d{1,2}(?:\.\d*)?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    least: float
    most: float
    unit: str

    def allow(self, value: float) -> bool:
        """False for NaN, too."""
        return self.least <= value <= self.most


LIMITS = {
    "lst": Limits(0, 24, "hours"),
    "ha": Limits(-12, 12, "hours"),
    "ra": Limits(0, 24, "hours"),
    "dec": Limits(-90, 90, "degrees"),
    "focus": Limits(-1e7, 1e7, "the focuser's unit"),
}
"""Field of the status -> its limits."""


def parse_number(text: str) -> float | None:
    """A decimal number, or a sexagesimal one as `12:34:56.7`, `-0 30` or `12;34`; None for anything else, such as NaN
    and the infinities."""
    plain = text.strip()
    if len(plain) > TEXT_LENGTH:
        return None
    if NUMBER.fullmatch(plain):
        number = float(plain)
        return number if math.isfinite(number) else None
    found = SEXAGESIMAL.fullmatch(plain)
    if found is None:
        return None
    sign, whole, minutes, seconds = found.groups()
    if float(minutes) >= 60 or float(seconds or 0) >= 60:
        return None
    # The sign is apart from the number: -0:30 is below zero.
    return (int(whole) + float(minutes) / 60 + float(seconds or 0) / 3600) * (-1 if sign == "-" else 1)


def read_value(name: str, text: str) -> tuple[float | None, str]:
    """The value of a field of the status, and a sentence if it is none."""
    limits, value = LIMITS[name], parse_number(text)
    if value is not None and limits.allow(value):
        return value, ""
    shown = "".join(sign for sign in text.strip() if sign.isprintable())[:20] or "empty"
    allowed = f"a number from {limits.least:g} to {limits.most:g} in {limits.unit}"
    return None, f"{name} is {shown}; allowed is {allowed}."
