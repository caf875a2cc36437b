"""Names of folders and files in archives: plain ASCII, so that any system can store and read them in ten years."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from uuid import UUID

FOLDER = "experiments"
LONGEST = 60
NAMELESS = "experiment"
"""For a name without a letter or digit of ASCII."""
# Windows opens a device for each of these, whatever the ending.
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)

PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9_+-][A-Za-z0-9._+-]*/)+[A-Za-z0-9_+-][A-Za-z0-9._+-]*")


def slug_of(name: str) -> str:
    """1 to LONGEST lower-case letters, digits and hyphens; begins and ends with a letter or digit."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST].strip("-")
    return f"{slug}-{NAMELESS}" if slug in RESERVED else slug or NAMELESS


def folder_of(experiment: UUID, name: str) -> str:
    """Relative to the storage root. The id makes it unique: many names have one slug."""
    return f"{FOLDER}/{experiment}_{slug_of(name)}"


def unused_path(folder: str, filename: str, used: Container[str]) -> str:
    """`folder/filename`, with a number before its ending if that is used. `used`: paths in lower case, since Windows
    and macOS see one name in two that differ by case only. The name comes from a row, so its characters are replaced,
    too."""
    folder = "/".join(_unreserved(part) for part in folder.split("/"))
    stem, dot, ending = filename.rpartition(".")
    # Short enough for the temporary name too, which is longer.
    stem, ending = (_safe(stem), _safe(ending)[:30]) if dot else (_safe(filename), "")
    stem = _unreserved(stem)
    path, number = f"{folder}/{stem}{dot}{ending}", 1
    while path.lower() in used:
        number += 1
        path = f"{folder}/{stem}-{number}{dot}{ending}"
    return path


def is_plain_path(path: str) -> bool:
    """Whether the path has the form that `unused_path` makes, below at least one folder. Only such a one is a safe
    name on any system that extracts it from a ZIP file."""
    return PLAIN_PATH.fullmatch(path) is not None


def _unreserved(part: str) -> str:
    return f"_{part}" if part.partition(".")[0].lower() in RESERVED else part


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text).lstrip(".")[:200] or "_"
