"""What a jobs part sends to the process that renders thumbnails. Imports no decoder."""

from __future__ import annotations

from typing import NotRequired, TypedDict

CLIP = "mp4"
"""The kind of a clip."""


class ThumbnailJob(TypedDict):
    """One file to render: `path` is relative to the storage root at `root_path`, whose marker file holds `root`."""

    root: str
    root_path: str
    path: str
    kind: str
    sha256: str
    bytes: int
    simulated: NotRequired[bool]
