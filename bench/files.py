"""Downloading a file of two gigabytes over the API: speed, and memory of the web part."""

from __future__ import annotations

import http.client
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psutil

from bench.figures import Table
from bench.runs import Runs
from bench.station import BenchStation

GIGABYTES = 2
BYTES = GIGABYTES * 1024**3
MOST_MEGABYTES = 20
BLOCK = 1 << 20


def run(runs: Runs) -> list[Table]:
    station = runs.station
    address, path = large_file(station)
    web = psutil.Process(station.station.pid_of_running("web"))
    before = peak_bytes(web)
    seconds = downloaded(station, address)
    grown = (peak_bytes(web) - before) / 1e6
    peer = read(path)
    found = Table(f"A file of {GIGABYTES} GB over the API")
    found.add(
        "Download", f"{BYTES / seconds / 1e6:.0f} MB/s", note=f"reading the file alone: {BYTES / peer / 1e6:.0f} MB/s"
    )
    found.add("Growth of the web part's peak memory", f"{grown:.1f} MB", f"{MOST_MEGABYTES} MB")
    return [found]


def large_file(station: BenchStation) -> tuple[str, Path]:
    """Enlarge the file of a new capture; returns its URL and its path. Its content is no longer a picture."""
    capture = station.client().capture()
    with closing(sqlite3.connect(station.station.config.data / "skycam.sqlite3", timeout=60)) as connection, connection:
        where = "FROM captures_capturefile f JOIN captures_storageroot r ON f.root_id = r.id WHERE f.sha256 = ?"
        [(root, path)] = connection.execute(f"SELECT r.path, f.path {where}", (capture["sha256"],))
        connection.execute("UPDATE captures_capturefile SET bytes = ? WHERE path = ?", (BYTES, path))
    file = Path(root, path)
    os.truncate(file, BYTES)
    return f"{capture['files'][0]['url']}", file


def downloaded(station: BenchStation, address: str) -> float:
    """Seconds."""
    began = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", station.station.port, timeout=60)) as connection:
        connection.request("GET", address, headers={"Authorization": f"Token {station.token}"})
        answer = connection.getresponse()
        got = sum(map(len, iter(lambda: answer.read(BLOCK), b"")))
    if got != BYTES:
        raise ValueError(f"{got} bytes came instead of {BYTES}.")
    return time.perf_counter() - began


def read(path: Path) -> float:
    began = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.read(BLOCK):
            continue
    return time.perf_counter() - began


def peak_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
