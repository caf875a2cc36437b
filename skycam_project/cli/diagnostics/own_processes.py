"""Which processes of this machine belong to the station."""

from __future__ import annotations

import psutil

from skycam_project.config import SkycamConfig


def own_processes(config: SkycamConfig) -> set[int]:
    """The launchers of this data folder and everything that they have started; empty while none runs."""
    from skycam_project.launch.control import part_rows
    from skycam_project.launch.errors import LaunchError

    try:
        parts = [row["pid"] for row in part_rows(config) if row["pid"] is not None]
    except LaunchError:
        return set()
    launchers = {pid for part in parts if (pid := parent_of(part)) > 1}
    return launchers | {child for pid in {*parts, *launchers} for child in descendants(pid)}


def parent_of(pid: int) -> int:
    """1 for a process that has ended."""
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return 1


def descendants(pid: int) -> set[int]:
    """The process itself, and its children."""
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}
