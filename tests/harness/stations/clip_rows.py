"""Clips in a running station: files in its storage root, and rows."""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.harness.browsers.site import Site
from tests.harness.rows.clips import HEIGHT, WIDTH


def put_clip(site: Site, started: datetime, film: bytes, length_s: float, **fields: Any) -> str:
    """Insert a clip of the camera `simulated` and return its id."""
    clip = uuid.uuid4().hex
    path = f"clips/simulated/{clip}.mp4"
    values = {
        "id": clip, "kind": "rolling", "started_at": stored(started), "frames": round(length_s * 10),
        "ended_at": stored(started + timedelta(seconds=length_s)), "lost_frames": 0, "interrupted": 0, "reason": "",
        "message": "", "pinned": 0, "simulated": 1, "codec": "h264", "copied": 0, "width": WIDTH, "height": HEIGHT,
        "requested_by": "admin", "path": path, "bytes": len(film), "created_at": stored(started),
        "sha256": hashlib.sha256(film).hexdigest(),
    } | fields  # fmt: skip
    with closing(sqlite3.connect(site.station.data / "skycam.sqlite3", timeout=60)) as connection, connection:
        (values["camera_id"],) = row(connection, "SELECT id FROM cameras_camera WHERE slug = 'simulated'")
        root = (
            "SELECT r.id, r.path, r.host FROM captures_storageroot r "
            "JOIN captures_storageassignment a ON a.root_id = r.id WHERE a.storage_class = 'captures'"
        )
        values["root_id"], folder, values["host"] = row(connection, root)
        Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, path).write_bytes(film)
        names = ", ".join(values)
        connection.execute(
            f"INSERT INTO captures_clip ({names}) VALUES ({', '.join(f':{name}' for name in values)})", values
        )
    return str(uuid.UUID(clip))


def row(connection: sqlite3.Connection, sql: str) -> Any:
    return connection.execute(sql).fetchone()


def stored(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"
