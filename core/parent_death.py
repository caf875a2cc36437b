"""A process that ends with its parent, whatever ends that. Linux only, Django-free."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>; Python's library has no prctl()
# Loaded here, because one caller runs between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Make the kernel kill this process when the thread of `parent` that started it ends. Exits at once, with status 1
    and a line on stderr, when `parent` has ended already."""
    # SIGKILL: a process that hangs in a library ignores any other signal.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Compared after the call: for a parent that ended before it, the kernel sends no signal.
    if os.getppid() != parent:
        os.write(2, b"The process that started this one is gone.\n")
        os._exit(1)  # no clean-up: between fork and exec this process is a copy of its parent
