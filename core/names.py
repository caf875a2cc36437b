"""Names and notes that people write: which characters may stand in them, and which names the station keeps."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

STATION_ACTORS = frozenset({"anonymous", "cli", "service", "station", "system"})
"""Names under which the station itself acts, in events and ledgers."""

RESERVED_USER_NAMES = STATION_ACTORS | {"root"}
"""No user has one of them, so that nobody is taken for the station, or for the machine's administrator."""

LINE_BREAKS = frozenset("\t\n\r")
JOINERS = frozenset("\u200c\u200d")
"""Zero-width characters that some scripts and emoji need."""


def is_reserved(name: str) -> bool:
    """Also in other letters of the same look: `Service`, or in full width."""
    return unicodedata.normalize("NFKC", name).strip().casefold() in RESERVED_USER_NAMES


def is_station_actor(name: str) -> bool:
    return name.casefold() in STATION_ACTORS


def is_readable(sign: str) -> bool:
    """False for what is not seen but has an effect: control characters, changes of direction, half characters."""
    return sign in JOINERS or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def check_line(text: str) -> str:
    """A name: one line. ValueError."""
    if not all(map(is_readable, text)):
        raise ValueError("This holds a line break or an invisible character. Write one line of plain text.")
    return text


def check_note(text: str) -> str:
    """Text of several lines. ValueError."""
    if not all(sign in LINE_BREAKS or is_readable(sign) for sign in text):
        raise ValueError("This holds an invisible character. Write plain text.")
    return text


def readable(text: str, keep: str = "") -> str:
    """The text with a � for each character that could steer a terminal or turn the line around, but those of `keep`."""
    return "".join(sign if sign in keep or is_readable(sign) else "\ufffd" for sign in text)


Line = Annotated[str, AfterValidator(check_line)]
Note = Annotated[str, AfterValidator(check_note)]
