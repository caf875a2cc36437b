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
    """Of the only thread of this process."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return {int(pid) for pid in listed.split()}
