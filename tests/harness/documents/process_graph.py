"""Which process of a running station starts which, and what each of them uses, as a Mermaid diagram.

`python -m tests.harness.documents.process_graph` starts a station and prints the diagram of
docs/internals/architecture.md.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.harness.stations.station import Station

VERIFY = (sys.executable, "-c", "from skycam_project.cli import main; main()", "verify")
CONNECTION = re.compile(r" (\d+) \* (\d+)\s.*?pid=(\d+),")
"""Of a line of `ss -xp`: inodes of a UNIX socket and of its peer, and the process."""


def observed_edges(station: Station) -> set[str]:
    """What can be seen at this moment: `worker --> cameras.runtime` for a process and its parent, `web -.-> valkey`
    for an open connection, and `web -.-> database` or `web -.-> spool` for an open file."""
    names = process_names(station)
    connections = {f"{names[pid]} -.-> valkey" for pid in connected_to(station.pids()["valkey"]) if pid in names}
    return connections.union(*(edges_of(psutil.Process(pid), names) for pid in names)) - {"valkey -.-> valkey"}


def process_names(station: Station) -> dict[int, str]:
    """The names of parts; of other processes the module that they run."""
    parts = {pid: name for name, pid in station.pids().items()}
    return {process.pid: parts.get(process.pid) or module_of(process) for process in station.processes()}


def module_of(process: psutil.Process) -> str:
    command = process.cmdline()
    return command[command.index("-m") + 1] if "-m" in command else "launcher"


def edges_of(process: psutil.Process, names: dict[int, str]) -> set[str]:
    name, found = names[process.pid], set[str]()
    with suppress(psutil.NoSuchProcess):
        files = {Path(file.path).name for file in process.open_files()}
        found |= {f"{name} -.-> database"} if "skycam.sqlite3" in files else set()
        found |= {f"{name} -.-> spool"} if ".lock" in files else set()
        found |= {f"{names[process.ppid()]} --> {name}"} if process.ppid() in names else set()
    return found


def connected_to(server: int) -> set[int]:
    """The processes with a connection to a UNIX socket of this one."""
    lines = subprocess.run(["ss", "-xpH"], capture_output=True, text=True, check=True, timeout=30).stdout
    sockets = {inode: (peer, int(pid)) for inode, peer, pid in CONNECTION.findall(lines)}
    peers = [peer for peer, pid in sockets.values() if pid == server]
    return {sockets[peer][1] for peer in peers if peer in sockets}


def edges_over(station: Station, seconds: float) -> set[str]:
    """All that is seen within that time, in which the station takes a capture, draws its thumbnail and runs a job."""
    seen, until = observed_edges(station), time.monotonic() + seconds
    job = subprocess.Popen([*VERIFY], env=station.environment, stdout=subprocess.DEVNULL)
    capture = station.cameras.saved_capture()
    station.api.call("GET", f"captures/{capture['id']}/thumbnail/")
    while time.monotonic() < until:
        with suppress(psutil.NoSuchProcess):
            seen |= observed_edges(station)
    job.wait()
    return seen


def diagram(edges: set[str]) -> str:
    return "\n".join(["flowchart LR", *(f"    {edge}" for edge in sorted(edges))])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        station = Station(Path(folder) / "data")
        try:
            print(diagram(edges_over(station.up_with_camera(), 20)))
        finally:
            station.ensure_stopped()


if __name__ == "__main__":
    main()
