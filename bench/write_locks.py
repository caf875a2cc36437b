"""How long a request holds SQLite's write lock while it changes or removes what has many rows.

Each request that loops over rows is made by its service, on a database of its own without a station. A transaction is
measured from its BEGIN IMMEDIATE to its end, with the sync of the disk.
"""

from __future__ import annotations

import gc
import json

from bench.figures import Table
from bench.runs import Runs
from tests.harness.stations.station import Station

ROWS, QUICK_ROWS = 10_000, 1_000
LIMIT_MS = 50
MEASURE = """
import json, os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
import django
django.setup()
from bench.write_locks import measure
print(json.dumps(measure(int(sys.argv[1]))))
"""


def run(runs: Runs) -> list[Table]:
    rows = QUICK_ROWS if runs.quick else ROWS
    station = Station(runs.folder / "locks", SKYCAM_OFFSITE_ROOTS="/mnt")
    station.prepare()
    measured = json.loads(station.run("-c", MEASURE, str(rows)).splitlines()[-1])
    found = Table(f"The longest transaction of a request that changes what has {rows:,} rows")
    for name, (longest_ms, processor_ms, transactions) in measured.items():
        note = f"{processor_ms:.1f} ms of processor; {transactions} transactions"
        found.add(name, f"{longest_ms:.1f} ms", f"{LIMIT_MS} ms", note)
    return [found]


def measure(rows: int) -> dict[str, tuple[float, float, int]]:
    """Request -> its longest transaction, the processor time of that one, and how many it has. In a process of its own,
    with Django and an empty database."""
    from bench.write_lock_times import LockTimes
    from tests.harness.rows.many_rows import requests

    found = {}
    for name, request in requests(rows):
        # The rows that were made for it are many objects, and no request has them.
        gc.collect()
        gc.freeze()
        with LockTimes() as times:
            request()
        found[name] = (times.longest.wall_ms, times.longest.processor_ms, times.number)
    return found
