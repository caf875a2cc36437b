"""A scrape of a host's port with 32 cameras at a million captures; and the count of those captures at an update.

It uses the database of `pages`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.figures import Table, Times
from bench.monitoring import CACHED_S, scrape_s
from bench.pages import ROWS, make_rows, other_camera, rows_of
from bench.runs import Runs
from bench.station import SLUG, BenchStation
from tests.harness.stations.http_client import HttpClient
from tests.harness.waiting import eventually

CAMERAS = 32
LIMIT_MS = 50
SET_UP = """
import json, os, sys, time
from importlib import import_module
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()
"""
ADD = f"""{SET_UP}
from cameras.models import Camera
from captures.capturing.outcomes import BOUNDS_MS
from captures.models import CaptureTotal

missing = int(sys.argv[1]) - Camera.objects.present().count()
# Disabled: they have no process. `publish` writes what one would report.
Camera.objects.bulk_create(
    Camera(slug=f"metrics-{{n}}", name=f"Metrics {{n}}", kind="simulated", host="main", enabled=False)
    for n in range(missing)
)
outcomes = [("saved", "", bound) for bound in BOUNDS_MS] + [("failed", "camera_error", 0), ("skipped", "overrun", 0)]
CaptureTotal.objects.bulk_create(
    [
        CaptureTotal(camera=camera, status=status, reason=reason, duration_le_ms=bound, captures=1000, seconds=2000.0)
        for camera in Camera.objects.present() for status, reason, bound in outcomes
    ],
    ignore_conflicts=True,
)
"""
PUBLISH = f"""{SET_UP}
from cameras.models import Camera
from core.broker import broker

slugs = list(Camera.objects.present().exclude(slug=sys.argv[1]).values_list("slug", flat=True))
for line in sys.stdin:
    server = broker.connection()
    status, usage = server.hgetall(broker.key("status", sys.argv[1])), server.get(broker.key("process", sys.argv[1]))
    pipe = server.pipeline(transaction=False)
    for slug in slugs:
        pipe.hset(broker.key("status", slug), mapping=status | {{"camera": json.dumps(slug)}})
        pipe.expire(broker.key("status", slug), 5)
        pipe.set(broker.key("process", slug), usage or "null", ex=15)
    pipe.execute()
    print(len(slugs), flush=True)
"""
COUNT = f"""{SET_UP}
from django.apps import apps
from django.db import connection
from captures.models import CaptureTotal

migration = import_module("captures.migrations.0033_capture_totals")
took = []
for _ in range(int(sys.argv[1])):
    CaptureTotal.objects.all().delete()
    began = time.perf_counter()
    with connection.schema_editor() as editor:
        migration.count_captures(apps, editor)
    took.append(1000 * (time.perf_counter() - began))
print(json.dumps(took))
"""


def run(runs: Runs) -> list[Table]:
    found = Table(f"Metrics at {ROWS:,} captures")
    with BenchStation(runs.kept / "million") as station:
        client = station.client()
        made = rows_of(station)
        if made < ROWS:
            make_rows(station, ROWS - made, other_camera(client))
        counted = Times(tuple(json.loads(station.station.run("-c", COUNT, str(runs.times(5))))))
        found.add("The count of the captures at an update from a version without totals", str(counted))
        station.station.run("-c", ADD, str(CAMERAS))
        port = HttpClient(station.station.metrics_port)
        with working(station), publishing(station) as publish:
            scraped = times(lambda: port.request("GET", "/metrics").body, publish, runs.times(40))
            processor_s = scrape_s(station, publish)
            # Another one: the server closes a connection that was idle for some seconds.
            asking = station.client()
            web = times(lambda: asking.raw("GET", "/api/v1/metrics/").decode(), publish, runs.times(40))
        note = f"each of the {CAMERAS} has the status of one that records and has a session"
        found.add(f"A scrape of the host's port with {CAMERAS} cameras", str(scraped), f"{LIMIT_MS} ms", note)
        found.add(
            "Processor time of the worker for it",
            f"{1000 * processor_s:.0f} ms",
            note="minus that of the same time at rest",
        )
        found.add("`GET /api/v1/metrics/`", str(web), f"{LIMIT_MS} ms", note)
    return [found]


@contextmanager
def working(station: BenchStation) -> Iterator[None]:
    """The camera has a session and records."""
    station.station.cameras.start_session(cadence_s=5)
    try:
        station.station.api.post(f"cameras/{SLUG}/record/", {"kind": "manual"})
        eventually(lambda: station.station.api.get(f"cameras/{SLUG}/status/")["recording"])
        yield
    finally:
        # The station is kept for the next run.
        station.station.api.post(f"cameras/{SLUG}/stop-recording/", {})
        station.station.api.post(f"cameras/{SLUG}/stop/", {})


@contextmanager
def publishing(station: BenchStation) -> Iterator[Callable[[], None]]:
    """A call that gives all cameras the status of the one that works. Their host writes them again each second."""
    words = [sys.executable, "-c", PUBLISH, SLUG]
    with subprocess.Popen(
        words, env=station.station.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        lines, answers = process.stdin, process.stdout

        def publish() -> None:
            lines.write("\n")
            lines.flush()
            assert int(answers.readline()) == CAMERAS - 1

        yield publish
        lines.close()


def times(scrape: Callable[[], str], publish: Callable[[], None], number: int) -> Times:
    """Those of scrapes that found every camera with its session: between two writes of the host."""
    found: list[float] = []
    while len(found) < number:
        time.sleep(CACHED_S)
        publish()
        began = time.perf_counter()
        text = scrape()
        took_ms = 1000 * (time.perf_counter() - began)
        if text.count("\nskycam_session_captures{") == 4 * CAMERAS:
            found.append(took_ms)
    return Times(tuple(found))
