"""How untracked files become rows: dotted paths, because these modules load decoders, whose libraries start threads."""

from __future__ import annotations

ADOPTERS = {
    ".mp4": "captures.storage.integrity.adoption.adopt_clip",
    "": "captures.storage.integrity.adoption.adopt_picture",
}
"""Ending of a name -> the function that makes what stores its row; the first that fits."""
