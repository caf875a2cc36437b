"""Faults of a running station, and of this process: SIGKILL, SIGSTOP, no free descriptor."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.harness.stations.station import Station


def kill(station: Station, target: str) -> None:
    """SIGKILL to `camera`, a part, `launcher`, or `all` processes at once; SIGSTOP to a part: `hung worker`.

    A station without its launcher is started again, as by the system."""
    if target.startswith("hung "):
        os.kill(station.pid_of_running(target.removeprefix("hung ")), signal.SIGSTOP)
    elif target == "launcher":
        station.interrupt(signal.SIGKILL)
    elif target == "all":
        send_to_all(station, signal.SIGKILL)
    else:
        os.kill(station.cameras.pid() if target == "camera" else station.pid_of_running(target), signal.SIGKILL)
    if target in {"launcher", "all"}:
        station.status()
        station.start()


def send_to_all(station: Station, signal_number: int) -> None:
    """To the launcher and all that it started; a process that has ended meanwhile needs none."""
    for process in station.processes():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal_number)


def end_leases(station: Station, table: str) -> None:
    """Of what killed processes had claimed in this table: by themselves they last for 30 to 90 s."""
    station.database.execute(f"UPDATE {table} SET lease_until = '2026-01-01' WHERE lease_until IS NOT NULL")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process with SIGSTOP, as if it hung, until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def without_files() -> Iterator[None]:
    """This process cannot open another file."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
