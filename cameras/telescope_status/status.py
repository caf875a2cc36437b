"""What a source knows of the telescope, and the header words that say it. Django-free."""

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
