"""Whether a process lives, and its command."""

from __future__ import annotations

from pathlib import Path

import psutil


def is_alive(pid: int | None) -> bool:
    """False also for a process that ended and waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def command_of(process: psutil.Process) -> list[str]:
    """Empty for a process that has ended, whether or not its parent knows."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []
