"""A check of the storage at 200,000 files of which none is missing, beside `find`, which reads the same folders and
sizes. Its content is not read.

The database and the files, which are sparse, are created once and kept, as `integrity` in the benchmarks' folder.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import closing
from pathlib import Path

from bench.admin import ROWS, make_rows, rows_of
from bench.figures import Table
from bench.pages import database, other_camera
from bench.retention import SET_UP, answer
from bench.runs import Runs
from bench.station import BenchStation

MEMORY_MB = 200
CHECK = f"""{SET_UP}
import resource
from captures.storage.integrity.check import check_integrity
from core.jobs.context import JobContext
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
found = check_integrity(JobContext("0193a000-0000-7000-8000-000000000001", {{}}, None, "ada", lambda _: None))
took = time.perf_counter() - began
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert not found["missing"] + found["untracked"] + found["mismatching"] + len(found["problems"]), found
print(json.dumps([found["rows"], found["files"], took, after / 1000, (after - before) / 1000]))
"""


def run(runs: Runs) -> list[Table]:
    # The station itself deletes none of them.
    with BenchStation(runs.kept / "integrity", CAMERA_CONFIG__ROLLING_CLIPS_COUNT="1000000") as station:
        if rows_of(station) < ROWS:
            other_camera(station.client())
            make_rows(station)
        root = make_files(station)
        began = time.perf_counter()
        subprocess.run(["find", root / "clips", "-type", "f", "-size", "1c"], check=True)
        find_s = time.perf_counter() - began
        rows, files, check_s, peak_mb, more_mb = answer(station, CHECK, "0")
    found = Table(f"A check of the storage at {ROWS:,} clips, without reading their content")
    found.add("find, which reads their sizes", f"{find_s:.2f} s")
    found.add("The check", f"{check_s:.1f} s", note=f"{rows:,} rows and {files:,} files")
    found.add("Its memory", f"{peak_mb:.0f} MB", f"{MEMORY_MB} MB", f"{more_mb:.0f} MB more than at its begin")
    return [found]


def make_files(station: BenchStation) -> Path:
    """A sparse file for each row; those that are there stay. Returns the root."""
    with closing(database(station)) as connection:
        rows = connection.execute(
            "SELECT root.path, clip.path, clip.bytes FROM captures_clip AS clip "
            "JOIN captures_storageroot AS root ON root.id = clip.root_id"
        ).fetchall()
    for root, path, size in rows:
        file = Path(root, path)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            os.truncate(file, size)
    return Path(rows[0][0])
