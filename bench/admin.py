"""The archive admin at 200,000 clips: its list, deep in it and by each filter, beside the query of the same page.

The database is created once and kept, as `admin` in the benchmarks' folder; remove that folder to create it again.
"""

from __future__ import annotations

import base64
import http.client
import uuid
from contextlib import closing

from bench.clips import MADE, place_of
from bench.figures import Table, timed
from bench.pages import database, fetch_page, other_camera
from bench.runs import Runs
from bench.station import SLUG, BenchStation
from tests.harness.browsers.site import signed_in

ROWS = 200_000
LENGTH_S = 60
LIMIT_MS = 300
LISTS = {
    "The first page": "",
    "Rolling clips, of which there are none": "kind=rolling",
    "Manual clips, which all are": "kind=manual",
    "A night": "night=2020-04-01",
    "Below 10 MB": "size=10mb",
    "1 GB and more, of which there are none": "size=more",
    "Pinned clips, of which there are none": "pinned=yes",
    "Held clips": "held=yes",
    "With a verified copy": "verified=yes",
    "Lost frames, one in a thousand": "lost=lost",
    "Missing files": "fault=missing",
    "Beyond their age": "due=age",
    "Without an off-site copy, which all are": "offsite=none",
    "With an off-site copy": "offsite=verified",
    "Search: an id": "q=0177",
    "Search: a camera": f"q={SLUG}",
    "Search: a path that none has": "q=nowhere",
}
"""What a list shows -> its query."""
RAW = (
    "SELECT * FROM captures_clip WHERE deleted_at IS NULL AND started_at <= '2020-03-01' "
    "ORDER BY started_at DESC, id DESC LIMIT 51"
)


def run(runs: Runs) -> list[Table]:
    with BenchStation(runs.kept / "admin") as station:
        if rows_of(station) < ROWS:
            other_camera(station.client())
            make_rows(station)
        return [lists(station, runs.times(20))]


def lists(station: BenchStation, times: int) -> Table:
    """Each complete page, as a browser requests it, and how many times longer it takes than the query of its rows."""
    found = Table(f"The archive admin at {ROWS:,} clips")
    with closing(database(station)) as connection:
        raw = timed(lambda: connection.execute(RAW).fetchall(), times)
    found.add("Rows of one page, by their index, in SQL alone", str(raw))
    cookies = signed_in(f"http://127.0.0.1:{station.station.port}")
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    with closing(http.client.HTTPConnection("127.0.0.1", station.station.port, timeout=60)) as browser:
        for name, query in {**LISTS, "The middle": f"p={middle(station)}"}.items():
            path = f"/admin/captures/clip/?{query}"
            took = timed(lambda path=path: fetch_page(browser, path, headers, 200), times)  # type: ignore[misc]
            found.add(name, str(took), f"{LIMIT_MS} ms", f"{took.median / raw.median:.0f} x the rows")
    return found


def middle(station: BenchStation) -> str:
    """The cursor of the row in the middle."""
    with closing(database(station)) as connection:
        row, at = connection.execute(
            "SELECT id, started_at FROM captures_clip LIMIT 1 OFFSET ?", (ROWS // 2,)
        ).fetchone()
    plain = f"o{at.replace(' ', 'T')}+00:00|{uuid.UUID(row)}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def rows_of(station: BenchStation) -> int:
    with closing(database(station)) as connection:
        return int(connection.execute("SELECT count(*) FROM captures_clip").fetchone()[0])


def make_rows(station: BenchStation) -> None:
    """Insert consecutive clips of one minute, from 2020 on, in one transaction."""
    with closing(database(station)) as connection, connection:
        connection.execute("DELETE FROM captures_clip")
        connection.execute(MADE, {"count": ROWS, "length": LENGTH_S, "share": 10, "slug": SLUG, **place_of(connection)})
