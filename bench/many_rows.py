"""Lists and retention on PostgreSQL at 100,000, 1,000,000 and 10,000,000 captures, events and readings each, which
cover the same two years. `make bench` and `scripts/contain.py` give it a folder for the server.

The limit is a ratio: each list at the largest number takes at most MOST_TIMES as long as at the smallest.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from bench.figures import Table, Times, timed
from bench.pages import fetch_page, other_camera
from bench.runs import Runs
from bench.station import BenchStation
from tests.harness.browsers.site import signed_in
from tests.harness.postgresql import postgresql

SIZES = (100_000, 1_000_000, 10_000_000)
QUICK_SIZES = SIZES[:2]
MOST_TIMES = 1.5
MONTHS = 24
OLDEST = "date_trunc('month', now()) - interval '24 months'"
AT = f"{OLDEST} + (now() - interval '1 hour' - ({OLDEST})) * ((i - 0.5) / %(count)s)"
"""The time of row `i`: in each size, the rows are spread over all months."""
SEEDS = """
INSERT INTO monitoring_event SELECT (jsonb_populate_record(event, jsonb_build_object(
    'id', gen_random_uuid(), 'at', date_trunc('month', now()) - make_interval(months => i)))).*
FROM monitoring_event AS event, generate_series(1, 24) AS i
WHERE event.id = (SELECT id FROM monitoring_event LIMIT 1);
INSERT INTO monitoring_reading (channel_id, at_ms, value, quality)
SELECT (SELECT min(id) FROM monitoring_sensorchannel),
    extract(epoch FROM date_trunc('month', now()) - make_interval(months => i)) * 1000, 1, 0
FROM generate_series(1, 24) AS i
"""
"""A row in each month, for which its partition is made."""
INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid IN ('captures_capture'::regclass, 'monitoring_event'::regclass, 'monitoring_reading'::regclass)
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""
PATTERNS = {"captures_capture": "status = 'saved'", "monitoring_event": "true", "monitoring_reading": "true"}
"""Table -> which row is the pattern of the others."""
CHANGED = {
    "captures_capture": {
        "id": "gen_random_uuid()", "planned_at": AT, "started_at": AT, "ended_at": AT,
        "camera_id": "CASE WHEN i %% 10 = 0 THEN other.id ELSE pattern.camera_id END",
    },
    "monitoring_event": {
        "id": "gen_random_uuid()", "at": AT, "subject": "i::text",
        "kind": "CASE WHEN i %% 10000 = 0 THEN 'rare.kind' ELSE 'capture.saved' END",
        "severity": "CASE WHEN i %% 100 = 0 THEN 'error' ELSE 'info' END",
    },
    "monitoring_reading": {
        "id": "nextval(pg_get_serial_sequence('monitoring_reading', 'id'))",
        "at_ms": f"(extract(epoch FROM {AT}) * 1000)::bigint",
    },
}  # fmt: skip
LISTS = {
    "Captures, the first page": "/api/v1/captures/",
    "Captures, a page in the middle": "/api/v1/captures/?cursor={capture}",
    "Captures of a camera with a tenth": "/api/v1/captures/?camera=other",
    "Failed captures, of which there are none": "/api/v1/captures/?status=failed",
    "Events, the first page": "/api/v1/events/",
    "Events, a page in the middle": "/api/v1/events/?cursor={event}",
    "Events of one kind in 10,000": "/api/v1/events/?kind=rare.kind",
    "Events of a kind that there is not": "/api/v1/events/?kind=no.kind",
    "Errors": "/api/v1/events/?severity=error",
}
PAGES = {
    "Page: gallery": "/gallery/",
    "Page: events": "/events/",
    "Page: dashboard": "/",
    "Page: status": "/status/",
    "Admin: captures": "/admin/captures/capture/",
}
IN_PROCESS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
import json, sys, time
import django
django.setup()
from core.partitions import EVENTS, READINGS, create_partitions, drop_partitions, months_of
from core.partitions import next_month
found = [len(create_partitions())]
if sys.argv[1] == "drop":
    for table, kept in ((READINGS, ""), (EVENTS, "severity NOT IN ('info')")):
        month = months_of(table)[int(sys.argv[2])]
        began = time.perf_counter()
        names = drop_partitions(table, next_month(month), kept)
        found.append(1000 * (time.perf_counter() - began))
        assert names, (table, month)
print(json.dumps(found))
"""


def run(runs: Runs) -> list[Table]:
    sizes = QUICK_SIZES if runs.quick else SIZES
    with postgresql() as address, BenchStation(runs.folder / "many", DATABASE_URL=address) as station:
        rows = ManyRows(station, address)
        rows.make_months()
        found = [rows.measured(size, number, runs.times(40)) for number, size in enumerate(sizes)]
    return [table_of(sizes, found)]


def table_of(sizes: tuple[int, ...], found: list[dict[str, float]]) -> Table:
    table = Table(f"PostgreSQL with {sizes[-1]:,} captures, events and readings each, against {sizes[0]:,}")
    for name, smallest in found[0].items():
        times = [one[name] for one in found]
        note = ", ".join(f"{ms:.1f} ms at {size:,}" for size, ms in zip(sizes, times, strict=True))
        table.add(name, f"{times[-1] / smallest:.2f} times", f"{MOST_TIMES} times", note)
    return table


class ManyRows:
    def __init__(self, station: BenchStation, address: str) -> None:
        self.station, self.client, self.address = station, station.client(), address
        self.other = other_camera(self.client)
        self.written = 0

    def make_months(self) -> None:
        body = {"name": "roof", "kind": "simulated", "interval_s": 60}
        self.client.request("POST", "/api/v1/sensors/", body, expect=201)
        deadline = time.monotonic() + 60
        while not self.execute("SELECT 1 FROM monitoring_sensorchannel") and time.monotonic() < deadline:
            time.sleep(0.5)
        self.execute(SEEDS)
        assert self.in_process("create")[0] == 2 * MONTHS

    def measured(self, size: int, number: int, times: int) -> dict[str, float]:
        """List -> milliseconds."""
        began = time.monotonic()
        self.write(size - self.written)
        self.written = size
        self.execute("VACUUM ANALYZE")
        print(f"{size:,} rows in each table: written in {time.monotonic() - began:.0f} s", flush=True)
        readings, events = self.in_process("drop", str(number))[1:]
        found = {name: ms.median for name, ms in self.lists(times).items()}
        print({name: round(ms, 1) for name, ms in found.items()}, f"{readings:.0f} {events:.0f}", flush=True)
        return {**found, "Readings: a month is dropped": readings, "Events: the infos of a month go": events}

    def write(self, count: int) -> None:
        """Without the indexes, which are made again afterwards, and without the triggers of foreign keys."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("SET maintenance_work_mem = '512MB'")
            indexes = connection.execute(INDEXES).fetchall()
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}".encode())
            for table in PATTERNS:
                connection.execute(self.copies(table).encode(), {"count": count})
            for _, definition in indexes:
                connection.execute(definition.replace(" ON ONLY ", " ON ").encode())

    def copies(self, table: str) -> str:
        columns = self.execute("SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 "
                               "AND NOT attisdropped", table=table)  # fmt: skip
        names = [f'"{name}"' for [name] in columns]
        values = [CHANGED[table].get(name, f'pattern."{name}"') for [name] in columns]
        return (
            f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE SELECT {', '.join(values)} "
            f"FROM (SELECT * FROM {table} WHERE {PATTERNS[table]} LIMIT 1) AS pattern, "
            f"(SELECT id FROM cameras_camera WHERE slug = 'other') AS other, generate_series(1, %(count)s) AS i "
            "ON CONFLICT DO NOTHING"
        )

    def lists(self, times: int) -> dict[str, Times]:
        cursors = {"capture": self.middle("captures"), "event": self.middle("events")}
        found = {name: timed(self.getter(path.format(**cursors)), times) for name, path in LISTS.items()} | self.pages(
            times
        )
        day = "/api/v1/readings/?" + self.a_day()
        return {**found, "Readings of a day": timed(self.getter(day), times)}

    def getter(self, path: str) -> Callable[[], Any]:
        # The server closes a connection that is idle for some seconds.
        client = self.station.client()
        return lambda: client.get(path)

    def pages(self, times: int) -> dict[str, Times]:
        port = self.station.station.port
        cookies = signed_in(f"http://127.0.0.1:{port}")
        headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as browser:
            return {
                name: timed(lambda path=path: fetch_page(browser, path, headers), times)  # type: ignore[misc]
                for name, path in PAGES.items()
            }

    def middle(self, resource: str) -> str:
        [[at]] = self.execute(f"SELECT to_char({OLDEST} + interval '1 year', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
        following = self.station.client().get(f"/api/v1/{resource}/?to={at}&limit=10")["next"]
        return str(parse_qs(urlsplit(following).query)["cursor"][0])

    def a_day(self) -> str:
        text = '\'YYYY-MM-DD"T"00:00:00"Z"\''
        [[begin, end]] = self.execute(
            f"SELECT to_char(now() - interval '9 days', {text}), to_char(now() - interval '8 days', {text})"
        )
        return f"from={begin}&to={end}"

    def execute(self, statement: str, **values: object) -> list[Any]:
        with psycopg.connect(self.address, autocommit=True) as connection:
            found = connection.execute(statement.encode(), values or None)
            return found.fetchall() if found.description else []

    def in_process(self, *words: str) -> list[float]:
        """What IN_PROCESS prints, with the station's settings."""
        output = self.station.station.run("-c", IN_PROCESS, *words)
        return list(json.loads(output.splitlines()[-1]))
