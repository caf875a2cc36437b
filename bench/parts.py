"""Memory and processor time of the parts of a running station, and the time of the command line."""

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
    found = Table("The command line")
    for words, limit in ((["--help"], "300 ms"), (["status"], "600 ms")):
        times = timed(lambda words=words: _skycam(runs.station, words), 5, warm_up=1)  # type: ignore[misc]
        found.add(f"skycam {' '.join(words)}", f"{times.median:.0f} ms", limit, "median of 5, from start to end")
    return [found]


def memory(station: BenchStation) -> Table:
    """Memory as PSS: pages that several processes share are divided among them."""
    found = Table("Memory of the station, with one camera")
    total = 0
    for name, process in named_processes(station):
        used = process.memory_full_info().pss
        total += used
        found.add(name, f"{used / 1e6:.0f} MB")
    found.add("All", f"{total / 1e6:.0f} MB", "350 MB", "summed PSS")
    return found


def named_processes(station: BenchStation) -> list[tuple[str, psutil.Process]]:
    names = {pid: name for name, pid in station.station.running_pids().items()}
    launcher, *others = station.station.processes()
    return [("launcher", launcher), *((names.get(process.pid) or _own_name(process), process) for process in others)]


def _own_name(process: psutil.Process) -> str:
    names = {"cameras.runtime": "a camera", "skycam_project.launch.fork_server": "fork server"}
    return next((names[word] for word in process.cmdline() if word in names), process.name())


def processor_s(station: BenchStation) -> dict[str, float]:
    """Seconds of processor time that each part has used so far."""
    return {name: sum(process.cpu_times()[:2]) for name, process in named_processes(station)}


def _skycam(station: BenchStation, words: list[str]) -> None:
    subprocess.run([SKYCAM, *words], env=station.station.environment, check=True, capture_output=True)
