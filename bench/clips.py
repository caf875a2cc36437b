"""A million clips: what the API and the pages of recordings cost, and the timeline of all of them.

The database is created once and kept, as `clips` in the benchmarks' folder; remove that folder to create it again.
"""

from __future__ import annotations

import http.client
import sqlite3
from contextlib import closing

from bench.figures import Table, timed
from bench.pages import database, fetch_page, other_camera
from bench.runs import Runs
from bench.station import SLUG, BenchStation, Client
from tests.harness.browsers.site import signed_in

ROWS = 1_000_000
LENGTH_S = 60
SHARE = 10
"""One in this many clips belongs to another camera."""
LIST_MS, LINE_MS, PAGE_MS = 30, 150, 100
LISTS = {
    "The first page": "",
    "Of one camera": f"camera={SLUG}",
    "Of a camera with a tenth of them": "camera=other",
    "A day, in the middle": "from=2020-06-01T00:00:00Z&to=2020-06-02T00:00:00Z",
    "Pinned clips, of which there are none": f"pinned=true&camera={SLUG}",
    "Interrupted clips, one in five thousand": f"interrupted=true&camera={SLUG}",
}
LINES = {
    "A day, by minutes": ("2020-06-01T00:00:00Z", "2020-06-02T00:00:00Z", 60),
    "A year, a thousand steps": ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", 32_000),
    "All two years, two thousand steps": ("2020-01-01T00:00:00Z", "2021-12-01T00:00:00Z", 31_000),
}
PAGES = {
    "Recordings, the newest": "/clips/",
    "Recordings, a day of one camera": f"/clips/?day=2020-06-01&camera={SLUG}",
    "Redirect to the clip of a time": f"/clips/at/?camera={SLUG}&at=2020-06-01T12:00:30Z",
}


def run(runs: Runs) -> list[Table]:
    with BenchStation(runs.kept / "clips") as station:
        if rows_of(station) < ROWS:
            other_camera(station.client())
            make_rows(station)
        return [queries(station.client(), runs.times(40)), pages(station, runs.times(20))]


def queries(client: Client, times: int) -> Table:
    found = Table(f"/api/v1/clips/ at {ROWS:,} clips")
    for name, query in LISTS.items():
        took = timed(lambda query=query: client.get(f"/api/v1/clips/?{query}"), times)  # type: ignore[misc]
        found.add(name, str(took), f"{LIST_MS} ms")
    for name, (begin, end, step) in LINES.items():
        address = f"/api/v1/clips/timeline/?camera={SLUG}&from={begin}&to={end}&step={step}"
        took = timed(lambda address=address: client.get(address), times)  # type: ignore[misc]
        found.add(f"Timeline: {name}", str(took), f"{LINE_MS} ms")
    return found


def pages(station: BenchStation, times: int) -> Table:
    """Each complete page, as a browser requests it."""
    found = Table(f"Pages of recordings at {ROWS:,} clips")
    address = f"http://127.0.0.1:{station.station.port}"
    cookies = signed_in(address)
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    with closing(http.client.HTTPConnection("127.0.0.1", station.station.port, timeout=60)) as connection:
        for name, path in PAGES.items():
            expect = 302 if "/at/" in path else 200
            took = timed(lambda path=path, expect=expect: fetch_page(connection, path, headers, expect), times)  # type: ignore[misc]
            found.add(name, str(took), f"{PAGE_MS} ms")
    return found


def rows_of(station: BenchStation) -> int:
    with closing(database(station)) as connection:
        return int(connection.execute("SELECT count(*) FROM captures_clip").fetchone()[0])


def make_rows(station: BenchStation) -> None:
    """Insert consecutive clips of one minute, from 2020 on, in one transaction."""
    with closing(database(station)) as connection, connection:
        connection.execute("DELETE FROM captures_clip")
        connection.execute(
            MADE, {"count": ROWS, "length": LENGTH_S, "share": SHARE, "slug": SLUG, **place_of(connection)}
        )


def place_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Root and host of new captures."""
    (root, host) = connection.execute(
        "SELECT root_id, host FROM captures_storageassignment WHERE storage_class = 'captures'"
    ).fetchone()
    return {"root": root, "host": host}


MADE = """
INSERT INTO captures_clip (id, kind, started_at, ended_at, frames, lost_frames, interrupted, reason, message, pinned,
    simulated, codec, copied, width, height, requested_by, path, bytes, sha256, created_at, camera_id, host, root_id)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
SELECT printf('%012x7000a%015x', (1577836800 + i * :length) * 1000, i), 'manual',
    strftime('%Y-%m-%d %H:%M:%S', 1577836800 + i * :length, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', 1577836800 + (i + 1) * :length, 'unixepoch'),
    900, (i % 1000 = 1) * 3, i % 5000 = 2, '', '', 0, 1, 'h264', 0, 1280, 1024, '', 'clips/' || i || '.mp4', 1000,
    printf('%064x', i), '2026-01-01 00:00:00',
    (SELECT id FROM cameras_camera WHERE slug = CASE WHEN i % :share THEN :slug ELSE 'other' END), :host, :root
FROM n
"""
"""Manual clips, which no rule deletes."""
