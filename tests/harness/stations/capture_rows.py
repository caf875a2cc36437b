"""Captures in a running station: rows without files."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from tests.harness.browsers.site import Site
from tests.harness.stations.clip_rows import row, stored

SPACING = timedelta(seconds=10)
CAPTURE = {
    "status": "saved", "reason": "", "message": "", "exposed": 1, "asked": "{}", "exposure_us": 1000, "simulated": 0,
    "driver": "", "library": "", "firmware": "", "serial": "", "clock": "", "warnings": "[]", "requested_by": "",
    "job": "", "note": "",
}  # fmt: skip
FILE = {"kind": "jpeg", "place": 0, "bytes": 9, "width": 1280, "height": 1024}


def put_captures(
    site: Site, started: datetime, number: int, lost: Sequence[int] = (), slug: str = "simulated"
) -> list[str]:
    """Insert captures of a camera, one every ten seconds, and return their ids. Those numbered in `lost` are failed."""
    captures, files = [], []
    with closing(sqlite3.connect(site.station.data / "skycam.sqlite3", timeout=60)) as connection, connection:
        (camera,) = row(connection, f"SELECT id FROM cameras_camera WHERE slug = '{slug}'")
        root, host = row(
            connection, "SELECT root_id, host FROM captures_storageassignment WHERE storage_class = 'captures'"
        )
        for place in range(number):
            at, capture = stored(started + place * SPACING), uuid.uuid4().hex
            failed = {"status": "failed", "reason": "disk_full", "exposed": 0} if place in lost else {}
            times = {"planned_at": at, "started_at": at}
            captures.append({"id": capture, "camera_id": camera, "host": host, **CAPTURE, **times, **failed})
            path = {
                "capture_id": capture,
                "root_id": root,
                "host": host,
                "path": f"{capture}.jpg",
                "sha256": capture * 2,
            }
            files += [] if failed else [{**FILE, **path}]
        put(connection, "captures_capture", captures)
        put(connection, "captures_capturefile", files)
    return [str(uuid.UUID(str(capture["id"]))) for capture in captures]


def put(connection: sqlite3.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    names = list(rows[0])
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    connection.executemany(sql, rows)
