"""Readings of ten sensors: a week at 2 s and a month of ten million, as the page and the API show them; and how fast a
backlog of aggregates is computed.

Both databases are created once and kept, as `week` and `month` in the benchmarks' folder; remove these folders to
create them again.
"""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

from playwright.sync_api import sync_playwright

from bench.figures import Table, Times, timed
from bench.pages import database, fetch_page
from bench.runs import Runs
from bench.station import BenchStation
from core.times.timestamps import stamp_ms
from tests.harness.browsers.chromium import ARGUMENTS, CHROMIUM
from tests.harness.browsers.site import signed_in

SENSORS = 10
BEGIN_S = 1_767_225_600
"""2026-01-01 00:00 UTC."""
DAY_S = 86_400
WEEK, MONTH = (7, 2000), (30, 2592)
"""Days, and milliseconds between two readings: 3,024,000 and 10,000,000 readings."""
WEEK_MS, MONTH_MS, BACKLOG_S = 300, 500, 60
KEPT = {"SKYCAM_MONITORING__READINGS__RAW_DAYS": "0", "SKYCAM_MONITORING__READINGS__MINUTE_DAYS": "0"}
READINGS = """
INSERT INTO monitoring_reading (channel_id, at_ms, value, quality)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count),
    c(channel) AS (SELECT 1 UNION ALL SELECT channel + 1 FROM c WHERE channel < :sensors)
SELECT channel, :begin_ms + i * :every_ms, 10.0 + (i * 7919 + channel) % 1000 / 100.0, (i % 5000 = 4999) * 2 FROM n, c
"""
MINUTES = """
INSERT INTO monitoring_readingaggregate
    (channel_id, seconds, start_s, minimum, maximum, mean, count, stale, implausible, missing)
SELECT channel_id, 60, at_ms / 60000 * 60, min(value), max(value), avg(value), count(*), 0, 0, 0
FROM monitoring_reading GROUP BY channel_id, at_ms / 60000
"""
ABOVE = """
INSERT INTO monitoring_readingaggregate
    (channel_id, seconds, start_s, minimum, maximum, mean, count, stale, implausible, missing)
SELECT channel_id, :above, start_s / :above * :above, min(minimum), max(maximum), avg(mean), sum(count), 0, 0, 0
FROM monitoring_readingaggregate WHERE seconds = :below GROUP BY channel_id, start_s / :above
"""
DUE = """
INSERT INTO monitoring_dueaggregate (channel_id, seconds, start_s)
SELECT channel_id, 60, start_s FROM monitoring_readingaggregate
WHERE seconds = 60 AND start_s >= :begin AND start_s < :end
"""
PLAIN = """
SELECT channel_id, start_s, mean, minimum, maximum, count FROM monitoring_readingaggregate
WHERE seconds = 600 AND start_s >= ? AND start_s < ? ORDER BY channel_id, start_s
"""
DRAWN = "number => document.querySelectorAll('.readings .values li').length === number"
BACKLOG = """
import json, os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
import django
django.setup()
from monitoring.readings.aggregation import aggregate_due
began = time.perf_counter()
number = aggregate_due(run_s=600)
print(json.dumps([number, time.perf_counter() - began]))
"""


def run(runs: Runs) -> list[Table]:
    with BenchStation(runs.kept / "week", **KEPT) as station:
        make_rows(station, *WEEK)
        tables = [week(station, runs), backlog(station)]
    with BenchStation(runs.kept / "month", **KEPT) as station:
        make_rows(station, *MONTH)
        return [*tables, month(station, runs)]


def week(station: BenchStation, runs: Runs) -> Table:
    found = Table("Readings: a week of ten sensors at 2 s, 3,024,000 readings")
    times = requests(station, WEEK[0], runs.times(40))
    plain = plain_rows(station, runs.times(20))
    note = f"{times.median / plain.median:.1f} times the next row"
    found.add("GET readings/", str(times), f"{WEEK_MS} ms", note)
    found.add("The same rows read from SQLite as they are", str(plain))
    found.add("The page, until its charts are drawn", str(opened(station, WEEK[0], runs.times(20))), f"{WEEK_MS} ms")
    return found


def month(station: BenchStation, runs: Runs) -> Table:
    found = Table("Readings: a month of ten sensors, 10,000,000 readings")
    found.add("GET readings/", str(requests(station, MONTH[0], runs.times(40))), f"{MONTH_MS} ms")
    found.add("The page, until its charts are drawn", str(opened(station, MONTH[0], runs.times(20))), f"{MONTH_MS} ms")
    return found


def backlog(station: BenchStation) -> Table:
    with closing(database(station)) as connection, connection:
        connection.execute(DUE, {"begin": BEGIN_S, "end": BEGIN_S + DAY_S})
    words = [sys.executable, "-c", BACKLOG]
    done = subprocess.run(words, env=station.station.environment, check=True, capture_output=True, text=True)
    number, seconds = json.loads(done.stdout)
    found = Table("Aggregates: a backlog of a day of ten sensors at 2 s")
    note = f"{number:,} aggregates from {SENSORS * DAY_S // 2:,} readings, {number / seconds:,.0f} a second"
    found.add("Minutes, hours and days", f"{seconds:.1f} s", f"{BACKLOG_S} s", note)
    return found


def ends(days: int) -> str:
    return f"from={stamp_ms(BEGIN_S * 1000)}&to={stamp_ms((BEGIN_S + days * DAY_S) * 1000)}"


def requests(station: BenchStation, days: int, times: int) -> Times:
    """The page's request, with the session of a browser."""
    cookies = signed_in(f"http://127.0.0.1:{station.station.port}")
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    with closing(http.client.HTTPConnection("127.0.0.1", station.station.port, timeout=60)) as connection:
        return timed(lambda: fetch_page(connection, f"/api/v1/readings/?{ends(days)}", headers), times)


def plain_rows(station: BenchStation, times: int) -> Times:
    with closing(database(station)) as connection:
        span = (BEGIN_S, BEGIN_S + WEEK[0] * DAY_S)
        return timed(lambda: connection.execute(PLAIN, span).fetchall(), times)


def opened(station: BenchStation, days: int, times: int) -> Times:
    """From the navigation until the line is drawn, in Chromium."""
    address = f"http://127.0.0.1:{station.station.port}"
    cookies = [{"name": name, "value": morsel.value, "url": address} for name, morsel in signed_in(address).items()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()

        def load() -> None:
            page.goto(f"/readings/?{ends(days)}", wait_until="commit")
            # In each frame: `expect` looks after 100, 350 and 850 ms.
            page.wait_for_function(DRAWN, arg=SENSORS, polling="raf", timeout=20_000)

        found = timed(load, times, warm_up=2)
        browser.close()
    return found


def make_rows(station: BenchStation, days: int, every_ms: int) -> None:
    """Sensors, readings and aggregates, in one transaction, unless they are there."""
    count = days * DAY_S * 1000 // every_ms
    with closing(database(station)) as connection, connection:
        if connection.execute("SELECT count(*) FROM monitoring_sensor").fetchone()[0]:
            return
        began = time.monotonic()
        for number in range(1, SENSORS + 1):
            make_sensor(connection, number, every_ms / 1000)
        span = {"count": count, "sensors": SENSORS, "begin_ms": BEGIN_S * 1000, "every_ms": every_ms}
        connection.execute(READINGS, span)
        connection.execute(MINUTES)
        for below, above in ((60, 600), (600, 3600), (3600, DAY_S)):
            connection.execute(ABOVE, {"below": below, "above": above})
        print(f"{count * SENSORS:,} readings were written in {time.monotonic() - began:.0f} s.")


def make_sensor(connection: sqlite3.Connection, number: int, interval_s: float) -> None:
    """On a host that does not exist, so that no one reads it."""
    connection.execute(
        "INSERT INTO monitoring_sensor (id, name, label, kind, host, enabled, interval_s, settings, secrets_encrypted,"
        " revision, created_at) VALUES (?, ?, '', 'simulated', 'none', 1, ?, '{}', '', 1, '2026-01-01')",
        (f"{number:032x}", f"sensor{number}", interval_s),
    )
    connection.execute(
        "INSERT INTO monitoring_sensorchannel (id, sensor_id, key, quantity, label, device_label, main, hidden, offset,"
        " created_at) VALUES (?, ?, 't', 'temperature', '', '', 0, 0, 0.0, '2026-01-01')",
        (number, f"{number:032x}"),
    )
