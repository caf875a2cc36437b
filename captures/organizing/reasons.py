"""Why a file is not placed. Django-free."""

from __future__ import annotations

from enum import StrEnum
from typing import TypedDict


class Reason(StrEnum):
    BROKEN = "broken"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    NO_TIME = "no_time"
    NOT_A_PICTURE = "not_a_picture"
    NOT_REMOVED = "not_removed"
    """The capture is adopted, and its original could not be removed."""
    STATION_FOLDER = "station_folder"
    SYMBOLIC_LINK = "symbolic_link"
    UNREADABLE = "unreadable"


class NotPlacedFile(TypedDict):
    """`path` is relative to the folder, as text: bytes that are no text are escaped."""

    path: str
    reason: str
    message: str


class NotPlaced(Exception):
    """A file stays where it is."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def printable(path: str) -> str:
    """A file name as text that a database and a terminal can take: names may have any bytes but NUL."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
