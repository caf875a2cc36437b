"""A scrape of a host's port with 32 cameras at a million captures; and the count of those captures at an update.

It uses the database of `pages`.
"""

from __future__ import annotations

import json

from bench.figures import Table, Times, timed
from bench.pages import ROWS, make_rows, other_camera, rows_of
from bench.runs import Runs
from bench.station import BenchStation
from tests.harness.stations.http_client import HttpClient

CAMERAS = 32
LIMIT_MS = 50
CACHED_S = 1.1
"""Longer than an answer is given again."""
SET_UP = """
import json, os, sys, time
from importlib import import_module
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()
"""
ADD = f"""{SET_UP}
from cameras.models import Camera
missing = int(sys.argv[1]) - Camera.objects.present().count()
# Disabled: they have all rows and a status, and no process.
Camera.objects.bulk_create(
    Camera(slug=f"metrics-{{n}}", name=f"Metrics {{n}}", kind="simulated", host="main", enabled=False)
    for n in range(missing)
)
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
        counted = Times(tuple(json.loads(station.station.run("-c", COUNT, str(runs.times(10))))))
        found.add("The count of the captures at an update from a version without totals", str(counted))
        station.station.run("-c", ADD, str(CAMERAS))
        port = HttpClient(station.station.metrics_port)
        scraped = timed(lambda: port.request("GET", "/metrics"), runs.times(40), warm_up=3, pause_s=CACHED_S)
        found.add(f"A scrape of the host's port with {CAMERAS} cameras", str(scraped), f"{LIMIT_MS} ms")
        web = timed(lambda: client.raw("GET", "/api/v1/metrics/"), runs.times(40), pause_s=0.2)
        found.add("`GET /api/v1/metrics/`", str(web), f"{LIMIT_MS} ms")
    return [found]
