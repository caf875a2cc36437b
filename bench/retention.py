"""Retention: a look over a million clips of which none is due, and a plan over 200,000 clips that all are, beside
reading the same rows in SQL.

Both databases are created once and kept, as `retention` and `admin` in the benchmarks' folder.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from bench.admin import ROWS as PLANNED
from bench.admin import make_rows as make_planned_rows
from bench.admin import rows_of
from bench.clips import ROWS, make_rows
from bench.figures import Table, Times
from bench.pages import database, other_camera
from bench.runs import Runs
from bench.station import BenchStation

COUNT = 100_000
"""The rolling clips that a camera keeps: as many as one of the cameras has."""
LOOK_MS, RULES_MS, PLAN_S = 40, 200, 2.0
SET_UP = """
import json, os, sys, time
os.environ.update({"DJANGO_SETTINGS_MODULE": "skycam_project.settings", "RETENTION__MANUAL_CLIP_DAYS": sys.argv[1]})
import django
django.setup()
"""
LOOK = f"""{SET_UP}
from captures.storage.retention.cleanup import ClipCleanup
took, cleanup = [], None
for number in range(int(sys.argv[2])):
    # The first pass of a new one applies all rules, as once a minute.
    cleanup = cleanup if number % 2 else ClipCleanup("main")
    began = time.perf_counter()
    deleted = cleanup.run(0.005).deleted
    took.append(1000 * (time.perf_counter() - began))
    assert not deleted
print(json.dumps(took[2:]))
"""
PLAN = f"""{SET_UP}
from captures.models import Clip
from captures.storage.retention.clip_rules import COLUMNS
from captures.storage.retention.manager import StorageManager
took = []
for work in (lambda: len(list(Clip.objects.order_by("started_at", "pk").values_list(*COLUMNS))),
             lambda: len(StorageManager("main").plan().items)):
    began = time.perf_counter()
    took += [work(), time.perf_counter() - began]
print(json.dumps(took))
"""


def run(runs: Runs) -> list[Table]:
    return [look(runs), plan(runs)]


def look(runs: Runs) -> Table:
    with BenchStation(runs.kept / "retention", CAMERA_CONFIG__ROLLING_CLIPS_COUNT=str(COUNT)) as station:
        if rows_of(station) < ROWS:
            other_camera(station.client())
            make_rows(station)
            with closing(database(station)) as connection, connection:
                connection.execute(ROLLING)
        took = answer(station, LOOK, "36500", str(2 * runs.times(20)))
    found = Table(f"A cleanup looks over {ROWS:,} clips, {COUNT:,} of them rolling, and finds none to delete")
    found.add("The rules of count and space, every two seconds", str(Times(tuple(took[1::2]))), f"{LOOK_MS} ms")
    found.add("All rules, every minute", str(Times(tuple(took[::2]))), f"{RULES_MS} ms")
    return found


def plan(runs: Runs) -> Table:
    with BenchStation(runs.kept / "admin") as station:
        if rows_of(station) < PLANNED:
            other_camera(station.client())
            make_planned_rows(station)
        rows, read_s, items, plan_s = answer(station, PLAN, "1")
    found = Table(f"A plan over {PLANNED:,} clips, of which all are to be deleted")
    found.add("Their columns read by the library", f"{read_s:.2f} s", note=f"{rows:,} rows")
    found.add("The plan, made and stored", f"{plan_s:.2f} s", f"{PLAN_S:g} s", f"{items:,} files")
    found.add("As a multiple", f"{plan_s / read_s:.1f}")
    return found


def answer(station: BenchStation, code: str, *words: str) -> Any:
    return json.loads(station.station.run("-c", code, *words).splitlines()[-1])


ROLLING = """
UPDATE captures_clip SET kind = 'rolling' WHERE camera_id = (SELECT id FROM cameras_camera WHERE slug = 'other')
"""
