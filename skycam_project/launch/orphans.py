"""Processes whose parent has ended become the launcher's, and are ended: no part leaves any behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


class Orphans:
    """From now on this process is the parent of all its descendants whose parent has ended."""

    def __init__(self) -> None:
        # A shell that became this process by `exec` may have started programs, such as the end of a pipe.
        self._others = children()
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")

    def end(self, own: Collection[int]) -> None:
        """Kill the children that are not `own`, and reap those that have ended."""
        for pid in children() - self._others - {*own}:
            # An adopted process is a child: until it is reaped here, its number belongs to no other process.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)


def children() -> set[int]:
    """Also those that have ended and are not reaped yet."""
    # Not /proc/self/task/*/children, which some kernels for small computers do not have, and not psutil, which would
    # be loaded for this alone.
    return {int(path.name) for path in Path("/proc").glob("[0-9]*") if parent_of(path) == os.getpid()}


def parent_of(path: Path) -> int | None:
    """None for a process that has ended, or whose state this user may not read: that is no child."""
    try:
        # "PID (NAME) STATE PARENT ...", where the name of the program may contain anything.
        return int((path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
