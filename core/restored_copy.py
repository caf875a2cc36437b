"""A restored copy of a station is paused until a person says that the station it was copied from is gone.

Otherwise two stations would control the same cameras, run the same jobs and write to the same destinations. The
commands of the backup leave a file in the copy (docs/station/running.md). Django-free.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

FILE = "copied-from"
UNKNOWN = "another station"
LONGEST = 200


def copied_from(data: Path) -> str | None:
    """What the backup says of the station that it was made of; None unless this data folder is a copy that is paused.
    OSError."""
    with suppress(FileNotFoundError):
        text = " ".join((data / FILE).read_text("utf-8", "replace").split())
        return text[:LONGEST] or UNKNOWN
    return None


def pause_sentence(copied: str) -> str:
    return (
        f"This station is a restored copy (of {copied}) and is paused: it has no cameras, no jobs and no off-site "
        "copies. Make sure that the station it was copied from does not run any more, then run `skycam activate`."
    )


def activate(data: Path) -> None:
    """This data folder is no copy any more, but the station itself. Idempotent. OSError."""
    (data / FILE).unlink(missing_ok=True)
