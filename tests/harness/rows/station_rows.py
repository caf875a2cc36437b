"""Captures and clips of a running station that no camera took: rows, and for clips also files."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.harness.rows.clips import HEIGHT, WIDTH
from tests.harness.stations.station import Station

SPACING = timedelta(seconds=10)
CAPTURE = {
    "status": "saved", "reason": "", "message": "", "exposed": 1, "asked": "{}", "exposure_us": 1000, "simulated": 0,
    "driver": "", "library": "", "firmware": "", "serial": "", "clock": "", "warnings": "[]", "requested_by": "",
    "job": "", "note": "",
}  # fmt: skip
FILE = {"kind": "jpeg", "place": 0, "bytes": 9, "width": 1280, "height": 1024}
ROOT = (
    "SELECT r.id, r.path, r.host FROM captures_storageroot r "
    "JOIN captures_storageassignment a ON a.root_id = r.id WHERE a.storage_class = 'captures'"
)


def put_clip(station: Station, started: datetime, film: bytes, length_s: float, **fields: Any) -> str:
    """Insert a clip of the camera `simulated` and return its id."""
    clip = uuid.uuid4().hex
    [(root, folder, host)] = station.database.rows(ROOT)
    values = {
        "id": clip, "camera_id": camera_of(station), "root_id": root, "host": host, "kind": "rolling",
        "started_at": stored(started), "frames": round(length_s * 10),
        "ended_at": stored(started + timedelta(seconds=length_s)), "lost_frames": 0, "interrupted": 0, "reason": "",
        "message": "", "pinned": 0, "simulated": 1, "codec": "h264", "copied": 0, "width": WIDTH, "height": HEIGHT,
        "requested_by": "admin", "path": f"clips/simulated/{clip}.mp4", "bytes": len(film),
        "created_at": stored(started), "sha256": hashlib.sha256(film).hexdigest(),
    } | fields  # fmt: skip
    file = Path(folder, values["path"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(film)
    station.database.insert("captures_clip", values)
    return str(uuid.UUID(clip))


def remove_clips(station: Station, *clips: str) -> None:
    """Remove the rows of clips and their holds; their files stay."""
    for clip in clips:
        station.database.execute("DELETE FROM captures_cliphold WHERE clip_id = ?", uuid.UUID(clip).hex)
        station.database.execute("DELETE FROM captures_clip WHERE id = ?", uuid.UUID(clip).hex)


def put_captures(
    station: Station, started: datetime, number: int, lost: Sequence[int] = (), slug: str = "simulated"
) -> list[str]:
    """Insert captures of a camera, one every ten seconds, and return their ids. Those numbered in `lost` are failed;
    the others have rows of files, and no files."""
    camera, [(root, _, host)] = camera_of(station, slug), station.database.rows(ROOT)
    captures, files = [], []
    for place in range(number):
        at, capture = stored(started + place * SPACING), uuid.uuid4().hex
        own = {"id": capture, "camera_id": camera, "host": host, "planned_at": at, "started_at": at}
        if place in lost:
            captures.append({**CAPTURE, **own, "status": "failed", "reason": "disk_full", "exposed": 0})
            continue
        captures.append({**CAPTURE, **own})
        place_of_file = {"root_id": root, "host": host, "path": f"{capture}.jpg", "sha256": capture * 2}
        files.append({**FILE, **place_of_file, "capture_id": capture})
    station.database.insert("captures_capture", *captures)
    station.database.insert("captures_capturefile", *files)
    return [str(uuid.UUID(str(capture["id"]))) for capture in captures]


def camera_of(station: Station, slug: str = "simulated") -> str:
    [(camera,)] = station.database.rows("SELECT id FROM cameras_camera WHERE slug = ?", slug)
    return str(camera)


def stored(at: datetime) -> str:
    """A time as Django stores it in SQLite, which compares times as text: a whole second has no fraction."""
    return str(at.replace(tzinfo=None))
