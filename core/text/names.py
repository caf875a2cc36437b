"""Names and notes that people write: which characters they may contain, and which names are reserved."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

STATION_ACTORS = frozenset({"anonymous", "cli", "service", "station", "system"})
"""Names under which the station itself acts, in events and ledgers."""

RESERVED_USER_NAMES = STATION_ACTORS | {"root"}
"""No user may have one of these names, which could be mistaken for the station or the machine's administrator."""

NAME_PATTERN = r"^[a-z0-9-]{1,40}$"
"""Of hosts, gates and telescopes."""

LINE_BREAKS = frozenset("\t\n\r")
JOINERS = frozenset("\u200c\u200d")
"""Zero-width characters that some scripts and emoji need."""


def is_reserved(name: str) -> bool:
    """Also matches variants such as `Service` or full-width letters."""
    # NFKC turns full-width letters into plain ones; `casefold` goes further than `lower`.
    return unicodedata.normalize("NFKC", name).strip().casefold() in RESERVED_USER_NAMES


CLI = "cli:"
"""Before the name of a user who acts on the command line."""
STATION = "the station"
"""Who acts when no one is named."""


def person(actor: str) -> str:
    """The person behind an actor's name: `cli:anna` is the user anna, unless the name is one of the station's own
    actors."""
    name = actor.removeprefix(CLI)
    # `cli:service` stays as it is: an operating-system user of that name is not the station's own actor.
    return actor if is_station_actor(name) else name or STATION


def is_station_actor(name: str) -> bool:
    return name.casefold() in STATION_ACTORS


def is_readable(sign: str) -> bool:
    """False for invisible characters that have an effect: control characters, text direction marks, lone surrogates."""
    return sign in JOINERS or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def check_line(text: str) -> str:
    """Check a name, which is one line. Raises ValueError."""
    if not all(map(is_readable, text)):
        raise ValueError("This contains a line break or an invisible character. Write one line of plain text.")
    return text


def check_note(text: str) -> str:
    """Check a text that may have several lines. Raises ValueError."""
    if not all(sign in LINE_BREAKS or is_readable(sign) for sign in text):
        raise ValueError("This contains an invisible character. Write plain text.")
    return text


def readable(text: str, keep: str = "") -> str:
    """The text with � for each character that could control a terminal or change the text direction, except `keep`."""
    return "".join(sign if sign in keep or is_readable(sign) else "\ufffd" for sign in text)


Line = Annotated[str, AfterValidator(check_line)]
Note = Annotated[str, AfterValidator(check_note)]
