"""Growth while a station works: memory, threads and open files of each part and each kind of camera."""

from __future__ import annotations

import os

from bench.figures import Table
from bench.runs import Runs
from tests.harness.long_runs.everything import run as run_everything
from tests.harness.long_runs.slopes import MOST_HANDLES, MOST_MB, MOST_THREADS, Used, seconds_of_a_run

SECONDS = 1200.0
"""LONG_RUN_S in the environment overrides it: 3600 for a run of one hour."""


def run(runs: Runs) -> list[Table]:
    seconds = seconds_of_a_run(runs.times(round(SECONDS)))
    load = os.getloadavg()[0]
    folder = runs.folder / "flatness"
    folder.mkdir()
    found = run_everything(folder, seconds)
    table = Table("Growth: a station in use and each kind of camera, all at once")
    table.add("Measured for", f"{seconds / 60:.0f} min", note=f"LONG_RUN_S={seconds:.0f}; the first half is left out")
    others = f"{load:.0f} before, {os.getloadavg()[0]:.0f} after"
    table.add("Load of the machine", others, note=f"{os.cpu_count()} cores")
    for used in sorted(found, key=lambda used: used.mb_per_hour, reverse=True):
        add_row(table, used)
    return [table]


def add_row(table: Table, used: Used) -> None:
    """The slope of each, with its limit, which allows only a small rise over the run."""
    last = used.samples[-1]
    threads = f"threads {last.threads}, {used.threads_per_hour:+.1f} /h of {MOST_THREADS / used.hours:.0f}"
    handles = f"handles {last.handles}, {used.handles_per_hour:+.1f} /h of {MOST_HANDLES / used.hours:.0f}"
    note = "; ".join([f"{last.mb:.0f} MB", threads, handles, *([] if used.is_flat else ["NOT FLAT"])])
    slope = f"{used.mb_per_hour:+.1f} MB/h"
    table.add(f"{used.kind}, {used.mode}", slope, f"{MOST_MB / used.hours:.0f} MB/h", note)
