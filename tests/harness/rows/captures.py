"""Saved captures with files in a storage root."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cameras.models import Camera
from captures.models import Capture, CaptureFile, CaptureReference, StorageRoot

PICTURE = bytes(range(256)) * 40
PLACES = [f"pco-nuc:/data/20260101000000s_{letter}.fits" for letter in "abcd"]
HASH = "ab" * 32
UNKNOWN = "0197a000-0000-7000-8000-000000000000"


def saved(camera: Camera, **fields: Any) -> Capture:
    return Capture.objects.create(camera=camera, status="saved", exposed=True, exposure_us=1000, **fields)


def file_of(
    capture: Capture, root: StorageRoot, path: str = "", content: bytes = PICTURE, **fields: Any
) -> CaptureFile:
    """A capture's file: its row, and the file at the row's path."""
    path = path or f"captures/{capture.camera.slug}/{capture.id}.jpg"
    there = Path(root.path, path)
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(content)
    values = {"kind": "jpeg", "host": root.host, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return CaptureFile.objects.create(capture=capture, root=root, path=path, **values | fields)


def remote(camera: Camera, **fields: Any) -> Capture:
    """A saved capture whose four files stay with the controller of a telescope, which says size and hash of the first
    one."""
    capture = saved(camera, **fields)
    known: dict[int, dict[str, Any]] = {0: {"bytes": 2880, "sha256": HASH}}
    CaptureReference.objects.bulk_create(
        CaptureReference(capture=capture, number=number, kind="fits", place=place, **known.get(number, {}))
        for number, place in enumerate(PLACES)
    )
    return capture
