"""A million captures: the times of `captures/`, first and deepest page, and of the pages for people.

The database is created once and kept, as `million` in the benchmarks' folder; remove that folder to create it again.
"""

from __future__ import annotations

import http.client
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

from bench.figures import Table, timed
from bench.runs import Runs
from bench.station import SLUG, BenchStation, Client
from tests.harness.browsers.site import signed_in

ROWS = 1_000_000
LIMIT_MS, DEEPER = 30, 1.3
PAGE_MS = 50
DAY = 86_400
PAGES = {
    "Dashboard": "/",
    "Gallery, the newest": "/gallery/",
    "Gallery, a day of a capture each second": "/gallery/?day=2020-01-05",
    "Gallery, that day of one camera": "/gallery/?day=2020-01-05&camera=other",
    "Sessions": "/sessions/",
    "Events": "/events/",
}
SHARE = 10
"""One in this many rows belongs to another camera."""


def run(runs: Runs) -> list[Table]:
    with BenchStation(runs.kept / "million") as station:
        made = rows_of(station)
        if made < ROWS:
            make_rows(station, ROWS - made, other_camera(station.client()))
        return [pages(station.client(), runs.times(100)), page_times(station, runs.times(40))]


def pages(client: Client, times: int) -> Table:
    found = Table(f"/api/v1/captures/ at {ROWS:,} rows, pages of 50")
    first = timed(lambda: client.get("/api/v1/captures/"), times)
    deep = f"/api/v1/captures/?cursor={deepest_cursor(client)}"
    deepest = timed(lambda: client.get(deep), times)
    found.add("The first page", str(first), f"{LIMIT_MS} ms")
    found.add(
        "The deepest page", str(deepest), f"{DEEPER} times the first", f"{deepest.median / first.median:.2f} times"
    )
    for name, query in (("nearly all rows", f"camera={SLUG}"), ("a tenth of them", "camera=other")):
        filtered = timed(lambda query=query: client.get(f"/api/v1/captures/?{query}"), times)  # type: ignore[misc]
        found.add(f"The first page of a camera with {name}", str(filtered), f"{LIMIT_MS} ms")
    return found


def page_times(station: BenchStation, times: int) -> Table:
    """The times of complete pages, as a browser requests them."""
    found = Table(f"Pages at {ROWS:,} captures, {DAY} of them on the day of the gallery")
    address = f"http://127.0.0.1:{station.station.port}"
    cookies = signed_in(address)
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    with closing(http.client.HTTPConnection("127.0.0.1", station.station.port, timeout=60)) as connection:
        for name, path in PAGES.items():
            took = timed(lambda path=path: fetch_page(connection, path, headers), times)  # type: ignore[misc]
            found.add(name, str(took), f"{PAGE_MS} ms")
    return found


def fetch_page(connection: http.client.HTTPConnection, path: str, headers: dict[str, str], expect: int = 200) -> bytes:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != expect:
        raise ValueError(f"{path} answered {answer.status}.")
    return body


def deepest_cursor(client: Client) -> str:
    """A cursor that leads to the last 50 rows. It comes from a query by time and is used without the time."""
    following: str = client.get("/api/v1/captures/?to=2020-01-01T00:01:00Z&limit=10")["next"]
    return parse_qs(urlsplit(following).query)["cursor"][0]


def other_camera(client: Client) -> str:
    """The id of the camera `other`, added when it is missing."""
    known = {camera["slug"] for camera in client.get("/api/v1/cameras/")["results"]}
    if "other" not in known:
        client.request("POST", "/api/v1/cameras/", {"slug": "other", "kind": "simulated"}, expect=201)
    return "other"


def rows_of(station: BenchStation) -> int:
    with closing(database(station)) as connection:
        return int(connection.execute("SELECT count(*) FROM captures_capture").fetchone()[0])


def database(station: BenchStation) -> sqlite3.Connection:
    return sqlite3.connect(station.station.config.data / "skycam.sqlite3", timeout=60)


def make_rows(station: BenchStation, count: int, other: str) -> None:
    """Copies of a saved capture and its file, one each second from 2020, in one transaction."""
    with closing(database(station)) as connection, connection:
        (pattern,) = connection.execute("SELECT id FROM captures_capture WHERE status='saved' LIMIT 1").fetchone()
        (camera,) = connection.execute("SELECT id FROM cameras_camera WHERE slug=?", (other,)).fetchone()
        connection.execute(f"CREATE TEMP TABLE made AS {NUMBERS}", {"count": count})
        values = {"pattern": pattern, "other": camera, "share": SHARE}
        for table, changed in CHANGED.items():
            connection.execute(_copies(connection, table, changed), values)


NUMBERS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
SELECT i, printf('%012x7000a%015x', (1577836800 + i) * 1000, i) AS id,
       strftime('%Y-%m-%d %H:%M:%S', 1577836800 + i, 'unixepoch') AS at FROM n
"""
CHANGED = {
    "captures_capture": {
        "id": "made.id", "planned_at": "made.at", "started_at": "made.at", "ended_at": "made.at",
        "camera_id": "CASE WHEN made.i % :share THEN row.camera_id ELSE :other END",
    },
    "captures_capturefile": {"capture_id": "made.id", "path": "made.id || '.jpg'"},
}  # fmt: skip
OF_PATTERN = {"captures_capture": "id", "captures_capturefile": "capture_id"}


def _copies(connection: sqlite3.Connection, table: str, changed: dict[str, str]) -> str:
    names = list(_columns(connection, table, changed))
    values = ", ".join(changed.get(name, f'row."{name}"') for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    return (
        f"INSERT INTO {table} ({quoted}) SELECT {values} FROM made, {table} AS row "
        f"WHERE row.{OF_PATTERN[table]} = :pattern"
    )


def _columns(connection: sqlite3.Connection, table: str, changed: dict[str, str]) -> Iterator[str]:
    """All columns but an id that the database assigns itself."""
    for _, name, _, _, _, key in connection.execute(f"PRAGMA table_info({table})"):
        if not key or name in changed:
            yield name
