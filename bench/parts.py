"""What each part of a running station holds in memory, and what the command line takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from bench.figures import Table, timed
from bench.runs import Runs
from bench.station import BenchStation

SKYCAM = str(Path(sys.executable).with_name("skycam"))


def run(runs: Runs) -> list[Table]:
    return [memory(runs.station), command_line(runs.station)]


def memory(station: BenchStation) -> Table:
    """PSS: what several processes share is counted once, in shares."""
    found = Table("Memory of the station, with one camera")
    names = {pid: name for name, pid in station.station.pids().items()}
    total = 0
    for process in station.station.processes():
        used = process.memory_full_info().pss
        total += used
        found.add(_name(process, names, station), f"{used / 1e6:.0f} MB")
    found.add("All", f"{total / 1e6:.0f} MB", "500 MB", "summed PSS")
    return found


def _name(process: psutil.Process, names: dict[int, str], station: BenchStation) -> str:
    assert station.station.process
    if process.pid == station.station.process.pid:
        return "launcher"
    return names.get(process.pid) or ("a camera" if "cameras.runtime" in process.cmdline() else process.name())


def command_line(station: BenchStation) -> Table:
    found = Table("The command line")
    for words, limit in ((["--help"], "300 ms"), (["status"], "600 ms")):
        times = timed(lambda words=words: _skycam(station, words), 5, warm_up=1)  # type: ignore[misc]
        found.add(f"skycam {' '.join(words)}", f"{times.median:.0f} ms", limit, "median of 5, from start to end")
    return found


def _skycam(station: BenchStation, words: list[str]) -> None:
    subprocess.run([SKYCAM, *words], env=station.station.environment, check=True, capture_output=True)
