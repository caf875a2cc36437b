"""The formats in which the stills of a camera are kept. Without numpy and Django: pages and camera processes use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cameras.spool.records import StillFormats
from core.text.sentences import did_you_mean

KEEP_FORMATS = {
    "jpeg": "JPEG, 8 bits",
    "png": "PNG, 8 or 16 bits",
    "tiff": "TIFF, 8 or 16 bits",
    "fits": "FITS, 8 or 16 bits",
}
"""Format -> its label. `captures.stills.formats.FORMATS` writes them; the format is also the kind of its file."""
FITS_COMPRESSIONS = {"none": "none", "rice": "Rice, by tiles inside of the .fits file"}
"""Compression of FITS files -> its label."""
DEFAULT_KEEP = ["jpeg"]
DEFAULT_FORMATS = StillFormats(keep=DEFAULT_KEEP, fits_compression="none")


def default_keep() -> list[str]:
    """Of a new camera; a list of its own."""
    return [*DEFAULT_KEEP]


def checked_keep(formats: Any) -> list[str]:
    """The formats in their order, the primary one first. ValueError with a sentence that says what is allowed."""
    if not isinstance(formats, Sequence) or isinstance(formats, str) or not formats:
        raise ValueError(f"Name at least one format of: {', '.join(KEEP_FORMATS)}.")
    found = [name.lower() if isinstance(name, str) else name for name in formats]
    for name in found:
        if not isinstance(name, str) or name not in KEEP_FORMATS:
            meant = did_you_mean(name, list(KEEP_FORMATS)) if isinstance(name, str) else ""
            # An object is not quoted: it may be as long as the request.
            shown = repr(name[:40]) if isinstance(name, str) else "that"
            raise ValueError(f"There is no format {shown}.{meant} Known are: {', '.join(KEEP_FORMATS)}.")
    if len(set(found)) < len(found):
        raise ValueError("Name each format once; the first one is the primary file.")
    return found
