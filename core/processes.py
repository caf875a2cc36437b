"""What the kernel says of a process of this machine: its parent, its start time, and how it ended. Linux only;
Django-free."""

from __future__ import annotations

import signal
from pathlib import Path


def start_time(pid: int) -> str | None:
    """Start time of a process in kernel ticks. Together with the pid it identifies a process uniquely."""
    try:
        return _stat_fields(Path("/proc", str(pid)))[19]
    except (OSError, IndexError):
        return None


def parent_of(folder: Path) -> int | None:
    """`folder` is that of the process in /proc. None for a process that has ended, or whose state this user may not
    read: that is no child."""
    try:
        return int(_stat_fields(folder)[1])
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def _stat_fields(folder: Path) -> list[str]:
    # "PID (NAME) STATE PARENT ...": the program's name may contain spaces and parentheses.
    return (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def exit_reason(status: int) -> str:
    """`killed by SIGSEGV` or `exited with status 1`."""
    if status < 0:
        # The real-time signals have no names.
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return f"killed by {name}"
    return f"exited with status {status}"
