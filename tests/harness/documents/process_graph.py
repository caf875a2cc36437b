"""Which process of a working station starts which, and which of them use the broker, the database and the spool, as a
Mermaid diagram.

`python -m tests.harness.documents.process_graph` prints the diagram of docs/internals/architecture.md.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import psutil

from tests.harness.stations.station import WITH_SERVICE, Station
from tests.harness.waiting import PATIENCE_S, eventually

VERIFY = (sys.executable, "-c", "from skycam_project.cli import main; main()", "verify")
PEERS = re.compile(r" (\d+) \* (\d+)\s.*?pid=(\d+),")
"""Of a line of `ss -xp`: the inodes of a UNIX socket and of its peer, and the process of the socket."""
FILES = {"skycam.sqlite3": "database", ".lock": "spool"}
SETTLED_S = 70.0
"""For the printed diagram: without a new edge for this long, it is complete. Beat's first task is due after 60 s."""
Edges = set[str]
"""`worker --> cameras.runtime` for a process and one that it started; `web -.-> valkey` for an open connection,
`web -.-> database` for an open file."""


def edges_of_working_station(folder: Path, complete: Callable[[Edges, float], bool], takes_s: float = 0.0) -> Edges:
    """What is seen of a station with a PixeLink service, while it streams, records and verifies its files.

    `complete`: whether these edges are enough, the last of which is this many seconds old.
    """
    station = Station(folder / "data", **WITH_SERVICE)
    try:
        station.up_with_camera()
        with live_pictures(station):
            return observe(station, complete, takes_s)
    finally:
        station.ensure_stopped()


def observe(station: Station, complete: Callable[[Edges, float], bool], takes_s: float) -> Edges:
    seen, found_at, verification = Edges(), time.monotonic(), start_verification(station)

    def is_complete() -> bool:
        nonlocal found_at, verification
        if verification.poll() is not None:
            verification = start_verification(station)
        if found := observed_edges(station) - seen:
            seen.update(found)
            found_at = time.monotonic()
        return complete(seen, time.monotonic() - found_at)

    with in_use(station):
        eventually(is_complete, lambda: f"all edges; seen: {sorted(seen)}", takes_s)
    verification.wait()
    return seen


@contextmanager
def in_use(station: Station) -> Iterator[None]:
    """It records and its service answers, while others look: what is open for a moment is seen by chance."""
    stopping = threading.Event()

    def use() -> None:
        while not stopping.is_set():
            station.api.post("cameras/simulated/record/")
            station.api.post("cameras/simulated/stop-recording/")
            station.service.request("GET", "/health")

    thread = threading.Thread(target=use)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(PATIENCE_S)


def start_verification(station: Station) -> subprocess.Popen[bytes]:
    return subprocess.Popen(VERIFY, env=station.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def live_pictures(station: Station) -> Any:
    """The open stream of a viewer, as soon as there is one: on a busy machine the first pictures may take too long."""
    address = f"http://127.0.0.1:{station.port}/api/v1/cameras/simulated/stream.mjpeg"
    request = urllib.request.Request(address, headers=station.api.authorization)

    def opened() -> Any:
        with suppress(HTTPError):
            return urllib.request.urlopen(request, timeout=PATIENCE_S)

    return eventually(opened)


def observed_edges(station: Station) -> Edges:
    """What can be seen at this moment."""
    pids = station.running_pids()
    parts = {pid: name for name, pid in pids.items()}
    processes = station.processes()
    # A process that was just forked has the command of its parent until it executes its own, and must not be named
    # after it. Of several processes with one command, the oldest is enough.
    commands, names = set[tuple[str, ...]](), dict[int, str]()
    for process in sorted(processes, key=psutil.Process.create_time):
        with suppress(psutil.NoSuchProcess):
            command = tuple(process.cmdline())
            if command and command not in commands:
                names[process.pid] = parts.get(process.pid) or module_of(command)
            commands.add(command)
    connected = {f"{names[pid]} -.-> valkey" for pid in connected_to(pids["valkey"]) if pid in names}
    return connected.union(*(edges_of(process, names) for process in processes)) - {"valkey -.-> valkey"}


def module_of(command: tuple[str, ...]) -> str:
    """The module that it runs."""
    return command[command.index("-m") + 1] if "-m" in command else "launcher"


def edges_of(process: psutil.Process, names: dict[int, str]) -> Edges:
    """Of its parent, and of the files that it has open; without any, if it has ended meanwhile."""
    found = Edges()
    with suppress(psutil.NoSuchProcess, KeyError):
        name, parent = names[process.pid], names.get(process.ppid())
        opened = {Path(file.path).name for file in process.open_files()}
        found |= {f"{name} -.-> {used}" for file, used in FILES.items() if file in opened}
        found |= {f"{parent} --> {name}"} if parent else set()
    return found


def connected_to(server: int) -> set[int]:
    """The processes with a connection to a UNIX socket of this one."""
    lines = subprocess.run(["ss", "-xpH"], capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout
    sockets = {inode: (peer, int(pid)) for inode, peer, pid in PEERS.findall(lines)}
    peers = [peer for peer, pid in sockets.values() if pid == server]
    return {sockets[peer][1] for peer in peers if peer in sockets}


def diagram(edges: Edges) -> str:
    return "\n".join(["flowchart LR", *(f"    {edge}" for edge in sorted(edges))])


def edges_in(drawing: str) -> Edges:
    """Those of a diagram."""
    return {line.strip() for line in drawing.splitlines() if "->" in line}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(diagram(edges_of_working_station(Path(place), lambda _, age_s: age_s > SETTLED_S, takes_s=300)))
