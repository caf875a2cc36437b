"""The queue of off-site copies at 200,000 files: what the search for new files and the choice of the next one cost.

The database is created once and kept, as `offsite` in the benchmarks' folder.
"""

from __future__ import annotations

from contextlib import closing

from bench.admin import ROWS, make_rows, rows_of
from bench.figures import Table, Times
from bench.pages import database, other_camera
from bench.retention import SET_UP, answer
from bench.runs import Runs
from bench.station import BenchStation

LIMIT_MS = 1000
MEASURE = f"""{SET_UP}
from django.utils import timezone
from captures.models import Clip, Destination, OffsiteCopy
from captures.storage.offsite import copy_rows, queue
from captures.storage.offsite.selectors import backlog_of

there, _ = Destination.objects.get_or_create(
    name="benchmark", kind="folder",
    # Paused: the station sends none of the files, which do not exist.
    defaults={{"classes": ["rolling_clip"], "settings": {{"path": "/nowhere"}}, "enabled": False, "keep_local": True}},
)
while OffsiteCopy.objects.filter(destination=there).count() < int(sys.argv[2]):
    queue.queue_new_files(there, "main")
OffsiteCopy.objects.update(state="queued", verified_at=None, verified_by="")
found = {{}}

def measure(name, work):
    found[name] = []
    for _ in range(int(sys.argv[3])):
        began = time.perf_counter()
        work()
        found[name].append(1000 * (time.perf_counter() - began))

def oldest():
    return list(Clip.objects.deletable().order_by("started_at", "pk")[:20])

measure("The search for new files, every 15 s", lambda: queue.queue_new_files(there, "main"))
measure("The backlog", lambda: backlog_of(there))
measure("The next file", lambda: copy_rows.claim_next(there, "main"))
measure("The oldest deletable clips, of which none has a copy", oldest)
OffsiteCopy.objects.update(state="verified", verified_at=timezone.now())
measure("The oldest deletable clips, of which all have one", oldest)
print(json.dumps(found))
"""


def run(runs: Runs) -> list[Table]:
    # The station itself deletes none of them.
    with BenchStation(runs.kept / "offsite", CAMERA_CONFIG__ROLLING_CLIPS_COUNT="1000000") as station:
        if rows_of(station) < ROWS:
            other_camera(station.client())
            make_rows(station)
            with closing(database(station)) as connection, connection:
                connection.execute("UPDATE captures_clip SET kind = 'rolling'")
        measured = answer(station, MEASURE, "0", str(ROWS), str(runs.times(10)))
    found = Table(f"Off-site copies of {ROWS:,} clips, of which nothing local goes before its copy is verified")
    for name, took in measured.items():
        found.add(name, str(Times(tuple(took))), f"{LIMIT_MS} ms")
    return [found]
